// SPDX-License-Identifier: MIT
// A browser that does what it is told: npm's playwright-core drives Chromium. The first line of
// standard input is {"executable", "arguments"}; every further one is a JSON list of steps, whose
// results are printed as {"results": […]} in one line. Ends with standard input.
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const TIMEOUT_MS = 20000;
let browser, context, page, said;

function code(text) {
  return new Function(`return (${text});`)();
}

const steps = {
  // A page that remembers nothing of the one before. GRANT: {origin: [permission]}.
  async new({ options, grant }) {
    await steps.leave();
    context = await browser.newContext(options);
    context.setDefaultTimeout(TIMEOUT_MS);
    for (const [origin, permissions] of Object.entries(grant ?? {}))
      await context.grantPermissions(permissions, { origin });
    page = await context.newPage();
    said = [];
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(`uncaught: ${error}`));
  },
  async leave() {
    await context?.close();
    context = undefined;
  },
  // The status of the answer to a visit of URL; null where there is none, as for data:.
  async open({ url }) {
    return (await page.goto(url))?.status();
  },
  // What the function TEXT returns in the page, or in the frame whose name is FRAME.
  async run({ text, value, frame }) {
    const place = frame ? page.frame({ name: frame }) : page;
    return await place.evaluate(code(text), value);
  },
  // Until the function TEXT returns something true, which is the result.
  async wait({ text, value }) {
    return await (await page.waitForFunction(code(text), value)).jsonValue();
  },
  async click({ on }) {
    await page.click(on);
  },
  async fill({ on, value }) {
    await page.fill(on, value);
  },
  async press({ key }) {
    await page.keyboard.press(key);
  },
  // What can be seen of it, an empty string if nothing can.
  async text({ of }) {
    return (await page.isVisible(of)) ? await page.innerText(of) : "";
  },
  // The page as those hear it who do not see it.
  async spoken() {
    return await page.ariaSnapshot();
  },
  async address() {
    return page.url();
  },
  async console() {
    return said;
  },
  async picture({ path }) {
    await page.screenshot({ path, fullPage: true });
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const wanted = JSON.parse(line);
  if (!browser) {
    browser = await chromium.launch({
      executablePath: wanted.executable, args: wanted.arguments, chromiumSandbox: false,
    });
    console.log(JSON.stringify(browser.version()));
    continue;
  }
  try {
    const results = [];
    for (const step of wanted) results.push((await steps[step.do](step)) ?? null);
    console.log(JSON.stringify({ results }));
  } catch (error) {
    console.log(JSON.stringify({ failed: String(error), console: said }));
  }
}
await browser?.close();
