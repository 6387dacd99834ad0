// What editors do with the schema: see `check`. Arguments: a folder with scenario.json, then scenarios.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [dir, ...scenarios] = process.argv.slice(2);
const require = createRequire(`${dir}/`);
const Ajv = require("ajv");
const YAML = require("yaml");

let wrong = 0;
function expect(what, holds, found) {
  console.log(`${holds ? "ok  " : "WRONG"} ${what}`);
  if (!holds) {
    wrong += 1;
    console.log(`      ${JSON.stringify(found)}`);
  }
}

// --- ajv
const schema = JSON.parse(readFileSync(`${dir}/scenario.json`, "utf8"));
const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);
const fits = (text) => validate(YAML.parse(text));
for (const file of scenarios) {
  const name = file.split("/").pop();
  expect(`ajv takes ${name}`, fits(readFileSync(file, "utf8")), validate.errors);
}
for (const text of [
  "tasks: {}",
  "tasks: { a: { run: x, needs: b } }",
  "tasks: { a: { run: x, tiemout: 5m } }",
  "tasks: { a: { run: x, uses: y } }",
  "tasks: { a: { run: x, for_each: [1], matrix: { a: [1] } } }",
  "tasks: { a: { run: x, timeout: 5 } }",
  "defaults: { needs: [a] }\ntasks: { a: { run: x } }",
]) {
  expect(`ajv refuses ${JSON.stringify(text)}`, !fits(text));
}

// --- the language server
const server = spawn("node", [`${dir}/node_modules/yaml-language-server/bin/yaml-language-server`, "--stdio"]);
const waiting = new Map();
const published = new Map();
const settings = {
  yaml: {
    schemas: { [pathToFileURL(`${dir}/scenario.json`).href]: ["*.yaml"] },
    schemaStore: { enable: false },
    validate: true,
    completion: true,
    hover: true,
  },
};
let sent = 0;
function send(message) {
  const body = JSON.stringify({ jsonrpc: "2.0", ...message });
  server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
function ask(method, params) {
  sent += 1;
  const id = sent;
  send({ id, method, params });
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error(`no answer to ${method}`)), 20_000);
    waiting.set(id, (message) => {
      clearTimeout(timer);
      done(message.result);
    });
  });
}
function receive(message) {
  if (message.method === "workspace/configuration") {
    const answers = message.params.items.map((item) => settings[item.section] ?? {});
    send({ id: message.id, result: answers });
  } else if (message.method === "textDocument/publishDiagnostics") {
    const { uri, diagnostics } = message.params;
    published.get(uri)?.(diagnostics);
  } else if (message.method && message.id !== undefined) {
    send({ id: message.id, result: null });
  } else if (message.id !== undefined) {
    waiting.get(message.id)?.(message);
  }
}
let buffer = Buffer.alloc(0);
server.stdout.on("data", (chunk) => {
  buffer = Buffer.concat([buffer, chunk]);
  for (;;) {
    const end = buffer.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(buffer.subarray(0, end).toString())[1]);
    if (buffer.length < end + 4 + length) return;
    const body = buffer.subarray(end + 4, end + 4 + length).toString();
    buffer = buffer.subarray(end + 4 + length);
    receive(JSON.parse(body));
  }
});

let opened = 0;
/** Opens a text; `|` marks the cursor. */
async function open(marked) {
  const at = marked.indexOf("|");
  const text = at < 0 ? marked : marked.slice(0, at) + marked.slice(at + 1);
  const lines = (at < 0 ? text : marked.slice(0, at)).split("\n");
  const position = { line: lines.length - 1, character: lines.at(-1).length };
  opened += 1;
  const uri = pathToFileURL(`${dir}/case${opened}.yaml`).href;
  const found = new Promise((done) => published.set(uri, done));
  const late = new Promise((done) => setTimeout(() => done(null), 10_000).unref());
  send({
    method: "textDocument/didOpen",
    params: { textDocument: { uri, languageId: "yaml", version: 1, text } },
  });
  return { textDocument: { uri }, position, diagnostics: Promise.race([found, late]) };
}
const labels = async (marked) => {
  const { textDocument, position } = await open(marked);
  const found = await ask("textDocument/completion", { textDocument, position });
  return (found.items ?? found).map((item) => item.label);
};

await ask("initialize", {
  processId: process.pid,
  rootUri: pathToFileURL(dir).href,
  capabilities: {
    workspace: { configuration: true },
    textDocument: { completion: { completionItem: { documentationFormat: ["markdown"] } }, hover: {} },
  },
});
send({ method: "initialized", params: {} });
send({ method: "workspace/didChangeConfiguration", params: { settings } });

const marks = async (text) => ((await (await open(text)).diagnostics) ?? []).map((it) => it.message);
// The first answer comes when the settings have arrived.
const slip = await marks("tasks:\n  a:\n    run: x\n    tiemout: 5m\n");
expect("underlines an unknown key", slip.some((it) => it.includes("tiemout")), slip);

const cases = [
  ["keys of the top level", "name: x\n|", ["tasks", "inputs", "defaults", "outputs", "max_parallel"], []],
  [
    "keys of a task",
    "tasks:\n  a:\n    run: x\n    |",
    ["needs", "for_each", "matrix", "with", "retry", "priority", "refers"],
    ["depends_on", "foreach", "tasks"],
  ],
  ["keys of a retry", "tasks:\n  a:\n    run: x\n    retry:\n      |", ["max", "delay", "backoff"], ["run"]],
  ["keys of defaults", "defaults:\n  |\ntasks: { a: { run: x } }\n", ["timeout", "shell"], ["needs"]],
  ["keys of an input", "inputs:\n  a:\n    |\n", ["type", "required", "default"], []],
  ["words of an output's type", "tasks:\n  a:\n    run: x\n    outputs:\n      n: |\n", ["int", "list"], []],
  ["words of workspace", "tasks:\n  a:\n    run: x\n    workspace: |\n", ["scratch", "project"], []],
];
for (const [what, marked, there, absent] of cases) {
  const found = await labels(marked);
  const holds = there.every((it) => found.includes(it)) && !absent.some((it) => found.includes(it));
  expect(`completes ${what}`, holds, found);
}
const hover = await open("tasks:\n  a:\n    run: x\n    for_|each: [1]\n");
const shown = await ask("textDocument/hover", { textDocument: hover.textDocument, position: hover.position });
expect("explains a key", JSON.stringify(shown).includes("repeated over"), shown);

const type = await marks("tasks:\n  a:\n    run: x\n    priority: high\n");
expect("underlines a wrong type", type.length > 0, type);
const fine = await marks("tasks:\n  a:\n    run: x\n    for_each: [1]\n    as: n\n  b: { uses: ./x.yaml, with: { a: 1 } }\n");
expect("leaves a right scenario alone", fine.length === 0, fine);
const other = await marks("tasks:\n  a:\n    run: x\n  b:\n    run: x\n    depends_on: [a]\n");
expect(
  "says what another word stands for",
  other.length === 1 && other[0].includes("orchestra fmt"),
  other,
);

server.kill();
console.log(wrong === 0 ? "all as expected" : `${wrong} wrong`);
process.exit(wrong === 0 ? 0 : 1);
