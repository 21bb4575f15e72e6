// A page of ours inside a page of a trusted site. The site hands over a token by postMessage; what we get for it is held in this
// script alone: not in the address, not in storage, not in the page. Words come from the template, never from here.

const { origins, session } = document.body.dataset;
const trusted = new Set(origins.split(" ").filter(Boolean));
const site = window.parent;
const find = (name) => document.querySelector(`[data-${name}]`);
const again = find("again");

let siteOrigin = null; // of the trusted page around this one, once it has spoken
let tokens = null; // { access, refresh }
let lastToken = null; // that was handed over: the client of the site sends each one more than once
let renewal = 0; // the timer

const show = (state) => {
  for (const one of document.querySelectorAll("[data-state]")) one.hidden = one.dataset.state !== state;
  find("who").hidden = tokens === null;
  again.hidden = !["refused", "away"].includes(state);
};

// The form of the messages is that of the published client (cobrowse-agent-sdk, over cocom). Without an origin only `init` is sent, which
// says nothing: whoever is around us may show us at all only by frame-ancestors.
const tell = (event, data = null) => {
  if (siteOrigin === null && event !== "init") return;
  site.postMessage({ cobrowseio: true, trustedOnly: false, event, data }, siteOrigin ?? "*");
};

const ask = async (path, { method = "GET", body, bearer } = {}) =>
  fetch(path, {
    method,
    credentials: "omit",
    cache: "no-store",
    referrerPolicy: "no-referrer",
    headers: {
      Accept: "application/json",
      ...(body && { "Content-Type": "application/json" }),
      ...(bearer && { Authorization: `Bearer ${bearer}` }),
    },
    body: body && JSON.stringify(body),
  });

const keep = (pair) => {
  tokens = { access: pair.access_token, refresh: pair.refresh_token };
  clearTimeout(renewal);
  // Near the end of the session each access token is shorter than the one before.
  renewal = setTimeout(renew, Math.max(5, pair.expires_in - 20) * 1000);
};

const over = () => {
  if (tokens === null) return;
  tokens = null;
  clearTimeout(renewal);
  show("ended");
  tell("error", { id: "session_ended", message: "jwt expired" });
  tell("init"); // a site that signs a new token for each sign-in sends it now
};

// Several calls may find at once that the access token has run out; a refresh token works once.
let renewing = null;
const renew = () => {
  renewing ??= renewOnce().finally(() => (renewing = null));
  return renewing;
};

const renewOnce = async () => {
  if (tokens === null) return false;
  const before = tokens;
  let answer;
  try {
    answer = await ask("/api/v1/tokens/refresh/", { method: "POST", body: { refresh_token: before.refresh } });
  } catch {
    clearTimeout(renewal);
    renewal = setTimeout(renew, 5_000);
    return false;
  }
  if (tokens !== before) return tokens !== null; // signed in anew meanwhile
  if (answer.ok) keep(await answer.json());
  else if (answer.status === 401) over();
  else renewal = setTimeout(renew, 5_000);
  return answer.ok;
};

const call = async (path, how = {}) => {
  const answer = await ask(path, { ...how, bearer: tokens?.access });
  if (answer.status !== 401 || tokens === null) return answer;
  return (await renew()) ? ask(path, { ...how, bearer: tokens.access }) : answer;
};

// A refusal with a sentence for the agent; anything else that is no success is told as silence.
class Barred extends Error {}

// The one place that asks for a session, by its id or its code: null where there is none.
const sessionOf = async (name, how = {}) => {
  const answer = await call(`/api/1/sessions/${encodeURIComponent(name)}`, how);
  if (answer.status === 404) return null;
  if ([400, 403, 409, 429].includes(answer.status)) throw new Barred((await answer.json()).message);
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return answer.json();
};

const signIn = async (token) => {
  if (token === lastToken) return;
  lastToken = token;
  if (tokens === null) show("signing");
  let answer, said;
  try {
    answer = await ask("/api/v1/embed/sign-in/", { method: "POST", body: { token, origin: siteOrigin } });
    said = await answer.json();
  } catch {
    lastToken = null; // the same one may do the next time
    if (tokens === null) show("away");
    return;
  }
  if (token !== lastToken) return; // another one came meanwhile
  if (!answer.ok) {
    tell("error", { id: said.code, message: said.detail });
    if (answer.status >= 500 || answer.status === 429) lastToken = null;
    if (tokens !== null) return; // whoever is signed in stays so
    find("reason").textContent = said.detail;
    show(answer.status >= 500 ? "away" : "refused");
    return;
  }
  keep(said);
  find("name").textContent = said.user.display_name;
  find("company").textContent = said.company?.name ?? "";
  show("ready");
  begin();
};

addEventListener("message", (event) => {
  // Exactly the page around us, from exactly an origin that is listed: a frame beside us, or a window that opened it, is neither.
  if (event.source !== site || !trusted.has(event.origin)) return;
  const { cobrowseio, event: name, data } = Object(event.data);
  if (!cobrowseio) return;
  siteOrigin = event.origin;
  if (name === "token" && typeof data === "string" && data.length <= 8192) signIn(data);
  if (name === "rpc:request") tell("rpc:response", { id: data?.id, error: { id: "not_supported", message: "not supported" } });
});

again.querySelector("button").addEventListener("click", () => {
  lastToken = null;
  show("waiting");
  tell("init");
});

// --- what is done once somebody is signed in

const outcome = (name) => {
  for (const one of ["unknown", "silent", "barred", "joined"]) {
    if (find(one)) find(one).hidden = one !== name;
  }
};

const look = async (name, { joins = false } = {}) => {
  outcome(null);
  try {
    let found = await sessionOf(name);
    if (found !== null && joins) found = await sessionOf(found.id, { method: "PUT", body: { agent: "me" } });
    if (tokens === null) return false;
    outcome(found === null ? "unknown" : joins ? "joined" : null);
    if (found !== null) tell("session", found);
    return found !== null;
  } catch (error) {
    if (tokens === null) return false;
    if (error instanceof Barred) find("barred").textContent = error.message;
    outcome(error instanceof Barred ? "barred" : "silent");
    return false;
  }
};

const form = find("code");
const boxes = form ? [...form.querySelectorAll("input")] : [];
const typed = () => boxes.map((box) => box.value).join("");

let looking = false;
const submit = async () => {
  if (looking || tokens === null || !/^[0-9]{6}$/.test(typed())) return;
  looking = true;
  form.setAttribute("aria-busy", "true");
  const found = await look(typed(), { joins: true });
  form.removeAttribute("aria-busy");
  looking = false;
  if (found) boxes.forEach((box) => (box.value = ""));
  if (tokens !== null) (found ? boxes[0] : boxes.at(-1)).focus();
};

boxes.forEach((box, place) => {
  box.addEventListener("focus", () => box.select());
  box.addEventListener("input", () => {
    outcome(null);
    box.value = box.value.replace(/[^0-9]/g, "").slice(-1);
    if (box.value && place < boxes.length - 1) boxes[place + 1].focus();
    submit();
  });
  box.addEventListener("keydown", (event) => {
    const next = { ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? (event.key === "Backspace" && !box.value ? -1 : 0);
    if (next === 0 || !boxes[place + next]) return;
    event.preventDefault();
    boxes[place + next].focus();
    if (event.key === "Backspace") boxes[place + next].value = "";
  });
  box.addEventListener("paste", (event) => {
    event.preventDefault();
    const text = (event.clipboardData?.getData("text") ?? "").trim();
    if (!/^[0-9]+$/.test(text)) return;
    const first = text.length >= boxes.length ? 0 : place;
    [...text].slice(0, boxes.length - first).forEach((digit, number) => (boxes[first + number].value = digit));
    boxes[Math.min(first + text.length, boxes.length) - 1].focus();
    outcome(null);
    submit();
  });
});
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});

const begin = () => {
  if (form) boxes[0].focus({ preventScroll: true });
  else if (session) look(session);
};

if (trusted.size === 0) show("untrusted");
else if (site === window) show("alone");
else {
  show("waiting");
  tell("init");
}
