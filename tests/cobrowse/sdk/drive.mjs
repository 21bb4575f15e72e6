// Runs the published agent client for the tests: one line of JSON in, one line of JSON out.
//   {"token", "call": "sessions.get", "args": […], "as": "name"}   calls the client, and keeps what came under a name
//   {"on": "name", "call": "end", "args": […]}                     calls a method of what was kept
import { createInterface } from "node:readline";
import CobrowseAPI from "cobrowse-agent-sdk";

const api = process.argv[2];
const kept = {};
const FIELDS = ["id", "code", "state", "custom_data", "agent", "agents", "remote_control", "full_device", "ended_reason", "license_key", "features", "type"];

const plain = (found) => {
  if (Array.isArray(found)) return found.map(plain);
  if (found === null || typeof found !== "object" || typeof found.toJSON !== "function") return found ?? null;
  const seen = { ...found.toJSON() };
  for (const name of FIELDS) if (found[name] !== undefined && typeof found[name] !== "function") seen[name] = found[name];
  if (typeof found.isActive === "function") seen.isActive = found.isActive();
  if (typeof found.hasPermission === "function") {
    for (const one of ["sessions:create", "sessions:read", "sessions:control", "features:read"]) seen[one] = found.hasPermission(one);
  }
  return seen;
};

const answer = async ({ token, call, args = [], as, on }) => {
  try {
    let target = on ? kept[on] : new CobrowseAPI(token, { api });
    const path = call.split(".");
    for (const name of path.slice(0, -1)) target = target[name];
    const found = await target[path.at(-1)](...args);
    if (as) kept[as] = found;
    return { value: plain(on ? kept[on] : found) }; // what a method changes is the object itself
  } catch (error) {
    return { error: { name: error.name, id: error.id ?? null, status: error.status ?? null, message: error.message } };
  }
};

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line)))}\n`);
}
