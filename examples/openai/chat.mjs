// SPDX-License-Identifier: MIT
// A question to a model: node chat.mjs DEPLOYMENT QUESTION
import OpenAI from "openai";

const [model, question] = process.argv.slice(2);
const client = new OpenAI({ baseURL: "http://127.0.0.1:8080/openai/v1", apiKey: "none" });

try {
  const stream = await client.chat.completions.create({
    model, messages: [{ role: "user", content: question }], stream: true,
  });
  for await (const piece of stream) process.stdout.write(piece.choices[0]?.delta.content ?? "");
  process.stdout.write("\n");
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  console.error(error.message); // what the service or scoregate says is wrong
  process.exitCode = 1;
}
