// SPDX-License-Identifier: MIT
// OpenAI's own client, aimed at the gateway. Standard input, as JSON: {"client": "azure" or
// "openai", "url", "questions": [{"do", "options"}]}. Prints a line of JSON for each thing that
// comes of them.
import { text } from "node:stream/consumers";
import OpenAI, { AzureOpenAI } from "openai";

const ask = JSON.parse(await text(process.stdin));
const common = { apiKey: "client-none", maxRetries: 0 };
const client = ask.client === "azure"
  ? new AzureOpenAI({ ...common, endpoint: ask.url, apiVersion: "2024-10-21" })
  : new OpenAI({ ...common, baseURL: ask.url });
const say = (what) => console.log(JSON.stringify(what));

const does = {
  async chat({ options }) {
    const { data, response } = await client.chat.completions.create(options).withResponse();
    say({
      content: data.choices[0].message.content, usage: data.usage.total_tokens,
      filter: data.prompt_filter_results?.[0].prompt_index,
      request: response.headers.get("apim-request-id"),
    });
  },
  async stream({ options, abort_at: last }) {
    const stream = await client.chat.completions.create({ ...options, stream: true });
    for await (const piece of stream) {
      say({ delta: piece.choices[0]?.delta.content ?? null, usage: piece.usage?.total_tokens });
      if (last && piece.choices[0]?.delta.content === last) stream.controller.abort();
    }
    say({ over: stream.controller.signal.aborted ? "aborted" : "ended" });
  },
  async embed({ options }) {
    const { data } = await client.embeddings.create(options);
    say(data.map((one) => one.embedding));
  },
  async models() {
    const found = [];
    for await (const model of client.models.list()) found.push(model.id);
    say(found);
  },
};

for (const question of ask.questions) {
  try {
    await does[question.do](question);
  } catch (error) {
    if (!(error instanceof OpenAI.APIError)) throw error;
    say({
      error: error.constructor.name, status: error.status, code: error.code,
      message: error.message, retry_after: error.headers?.get("retry-after"),
      filtered: error.error?.innererror?.content_filter_result?.violence?.filtered,
    });
  }
}
