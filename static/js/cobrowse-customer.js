// For pages of a company: a customer starts a session and tells an agent its digits, or joins one by the digits that an agent tells, and
// decides about write mode. Nothing starts by itself.
// `cobrowse.customer` puts this file, what is shown (cobrowse-customer-view.js), and the words (WORDS) into one function. It asks nothing
// of the policy (CSP) of the page around it but script-src and connect-src for this server.

const tag = document.currentScript;
if (tag === null || window.gatehouse) return;

const ADDRESS = new URL("../rest/live/", tag.src).href;
const KEY = tag.dataset.key ?? "";
const KEPT = "gatehouse-cobrowse";
const EVERY = 3_000;
const EVERY_WHEN_HIDDEN = 20_000;
const LONGEST_WAIT = 30_000;
const GOODBYES = 5;
const AGENT = 2; // the number of this role in the answers

const language = [tag.dataset.lang, document.documentElement.lang, navigator.language, "en"]
  .map((one) => (one ?? "").toLowerCase().split("-")[0])
  .find((one) => one in WORDS);
const word = (name, values = {}) => WORDS[language][name].replace(/\{(\w+)\}/g, (_all, key) => values[key]);

// --- what is known ---------------------------------------------------------------------------------------------------------

// Who we are in the session; kept in this tab alone, so that the next page of the site goes on. The site's other tabs know nothing of it.
let held = null;
const keep = (value) => {
  held = value;
  try {
    if (value === null) sessionStorage.removeItem(KEPT);
    else sessionStorage.setItem(KEPT, JSON.stringify(value));
  } catch {
    // A page in a sandbox has no storage, and the session ends with it.
  }
};
const kept = () => {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEPT));
    return found?.address === ADDRESS && found.key === KEY ? found : null;
  } catch {
    return null;
  }
};

const OFF = { phase: "off", agent: null, mode: "pointer", asked: "no", reason: null, trouble: null };
let state = OFF;
const listeners = new Set();

const snapshot = () =>
  Object.freeze({
    state: state.phase,
    digits: held?.digits ?? null,
    code: state.phase === "waiting" ? (held?.code ?? null) : null,
    agent: state.agent,
    mode: state.mode,
    asked: state.asked,
    endedReason: state.reason,
  });

const change = (more) => {
  const before = JSON.stringify(snapshot());
  state = { ...state, ...more };
  paint();
  if (JSON.stringify(snapshot()) === before) return;
  for (const listener of listeners) {
    try {
      listener(snapshot());
    } catch (error) {
      console.error(error); // a fault of the page must not end the session
    }
  }
};

// --- the server ------------------------------------------------------------------------------------------------------------

const call = async (path, body) => {
  const answer = await fetch(ADDRESS + path, {
    method: body === undefined ? "GET" : "POST",
    mode: "cors",
    credentials: "omit",
    cache: "no-store",
    referrerPolicy: "no-referrer",
    headers: { Accept: "application/json", ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
  });
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) return said;
  throw Object.assign(new Error(said.code ?? "unavailable"), {
    status: answer.status,
    wait: (Number(answer.headers.get("Retry-After")) || 0) * 1_000,
  });
};

const own = (path) => `users/${held.userToken}/session${path}`;

let timer = 0;
let turn = 0; // an answer that was overtaken says nothing any more
let failures = 0;

const over = (reason) => {
  turn += 1;
  clearTimeout(timer);
  keep(null);
  change({ ...OFF, phase: "ended", reason: `ended.${reason}` in WORDS[language] ? reason : "other", agent: state.agent });
};

const take = (stands) => {
  failures = 0;
  if (stands.state === "ended") return over(stands.endedReason);
  const agent = stands.users.find((one) => one.role === AGENT);
  const stood = {
    phase: stands.state === "active" ? "active" : "waiting",
    agent: agent === undefined ? null : agent.name || word("agent"),
    mode: stands.mode,
    asked: stands.asked,
  };
  // So that the next page begins with how it stood, and not with digits that are of no use any more.
  if (JSON.stringify(stood) !== JSON.stringify(held.stood)) keep({ ...held, stood });
  change({ ...stood, trouble: null });
};

// What follows ? and # may hold secrets, so it stays here.
const report = async () => {
  const url = location.origin + location.pathname;
  if (held.page === url) return;
  const { userToken } = held;
  try {
    await call(own("/page"), { url });
  } catch (error) {
    if (!(error.status >= 400 && error.status < 500) || error.status === 429) throw error;
  }
  if (held?.userToken === userToken) keep({ ...held, page: url });
};

const look = async () => {
  clearTimeout(timer);
  if (held === null) return;
  const mine = (turn += 1);
  let wait = document.hidden ? EVERY_WHEN_HIDDEN : EVERY;
  try {
    await report();
    if (mine !== turn) return;
    const stands = await call(own(""));
    if (mine !== turn) return;
    take(stands);
  } catch (error) {
    if (mine !== turn) return;
    if ([403, 404].includes(error.status)) return over("other");
    failures += 1;
    wait = Math.max(Math.min(EVERY * 2 ** failures, LONGEST_WAIT), error.wait ?? 0);
    // One answer may get lost without anybody minding.
    change({ trouble: failures > 1 ? "away" : state.trouble });
  }
  if (held !== null) timer = setTimeout(look, wait);
};

const enter = async (asking, troubles) => {
  if (held !== null || state.phase === "starting") return snapshot();
  change({ ...OFF, phase: "starting" });
  try {
    const { userToken, sessionToken: digits, code = null, expiresAt = null } = await asking();
    keep({ address: ADDRESS, key: KEY, userToken, digits, code, expiresAt, page: null, stood: { phase: "waiting" } });
    isSmall = isTyping = false;
    change({ phase: "waiting" });
    look();
  } catch (error) {
    change({ phase: "off", trouble: troubles[error.status] ?? "failed" });
  }
  return snapshot();
};

const start = ({ name = "", customData = {} } = {}) =>
  enter(
    () => call("sessions", { role: 1, name, custom_data: customData, ...(KEY && { key: KEY }) }),
    { 403: "not_allowed", 429: "too_many" },
  );

const join = (text, { name = "" } = {}) => {
  const digits = String(text).replace(/\D/g, "");
  const found = async () => {
    if (digits.length !== 9) throw Object.assign(new Error("not_found"), { status: 404 });
    return { ...(await call(`sessions/${digits}/join`, { role: 1, name })), sessionToken: digits };
  };
  return enter(found, { 403: "not_allowed", 404: "wrong_digits", 409: "wrong_digits", 429: "too_many" });
};

const stop = async () => {
  if (held === null) return change(OFF);
  const path = own("/exit");
  // Here it is over at once, whatever the server says; if it hears nothing, it ends the session itself before long.
  over("customer-left");
  for (let tries = 0; tries < GOODBYES; tries += 1) {
    try {
      await call(path, {});
      return;
    } catch (error) {
      if (error.status < 500 && error.status !== 429) return;
      await new Promise((done) => setTimeout(done, EVERY));
    }
  }
};

const decide = async (mode, action) => {
  const mine = (turn += 1);
  clearTimeout(timer);
  try {
    const stands = await call(own("/mode"), { mode, action });
    if (mine === turn) take(stands);
  } catch (error) {
    // The agent may have withdrawn it at that very moment; how it stands comes with the next look.
    if (mine === turn) change({ trouble: error.status === 409 ? null : "failed" });
  }
  if (mine === turn) look();
};
