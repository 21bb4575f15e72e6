// What the customer sees, and what the page may call; follows cobrowse-customer.js in one function. Elements are made one by one, and styles
// are a constructed sheet, for the policy of the page may forbid anything else.

const STYLE = `
:host {
  all: initial !important;
  position: fixed !important;
  inset-block-end: 16px !important;
  inset-inline-end: 16px !important;
  z-index: 2147483647 !important;
  display: block !important;
  max-inline-size: calc(100vw - 32px) !important;
  color-scheme: light dark !important;
}
* { box-sizing: border-box; }
.all {
  --surface: #fff; --ink: #15211f; --muted: #51605c; --line: #dce3e0; --control: #7b8985; --sunken: #edf1ef;
  --accent: #0b5f5b; --accent-strong: #074542; --accent-soft: #e2f0ed; --on-accent: #fff; --warn: #744700; --warn-soft: #fcf2da;
  display: grid; gap: 8px; justify-items: end;
  color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "Liberation Sans", Arial, sans-serif;
}
@media (prefers-color-scheme: dark) {
  .all {
    --surface: #161e1c; --ink: #e7eeeb; --muted: #a2b1ac; --line: #2a3532; --control: #71807b; --sunken: #1e2826;
    --accent: #6bcdc1; --accent-strong: #97e0d6; --accent-soft: #16322f; --on-accent: #04211e; --warn: #f1c264; --warn-soft: #312612;
  }
}
p, h2 { margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 16px; font-weight: 650; line-height: 1.3; }
button {
  min-block-size: 44px; padding: 8px 16px;
  border: 1px solid var(--control); border-radius: 8px; background: var(--surface);
  color: var(--ink); font: inherit; font-weight: 600; line-height: 1.3; cursor: pointer;
}
button:hover { border-color: var(--ink); background: var(--sunken); }
button:focus-visible, input:focus-visible, .box:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
input {
  inline-size: 100%; min-block-size: 44px; padding: 8px 12px; border: 1px solid var(--control); border-radius: 8px;
  background: var(--surface); color: var(--ink); font: inherit; font-size: 18px; font-variant-numeric: tabular-nums;
}
label { display: grid; gap: 6px; font-weight: 600; }
form { display: grid; gap: 14px; }
button.primary { border-color: var(--accent); background: var(--accent); color: var(--on-accent); }
button.primary:hover { border-color: var(--accent-strong); background: var(--accent-strong); }
button[aria-disabled="true"] { opacity: .75; cursor: progress; }
.pill { border-radius: 24px; padding-inline: 20px; box-shadow: 0 2px 4px rgb(0 0 0 / .12), 0 8px 24px rgb(0 0 0 / .18); }
.pill.minor { min-block-size: 36px; padding: 4px 14px; border-color: var(--line); font-size: 14px; font-weight: 500; }
.box {
  inline-size: 352px; max-inline-size: 100%; max-block-size: calc(100vh - 32px); max-block-size: calc(100dvh - 32px); overflow-y: auto;
  border: 1px solid var(--line); border-radius: 14px; background: var(--surface);
  box-shadow: 0 2px 4px rgb(0 0 0 / .1), 0 12px 40px rgb(0 0 0 / .2);
}
.head { display: flex; align-items: center; gap: 12px; padding: 10px 10px 10px 18px; }
.head h2 { flex: 1; min-inline-size: 0; display: -webkit-box; overflow: hidden; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
.head button { flex: none; inline-size: 40px; min-block-size: 40px; padding: 0; border-color: transparent; background: none; font-size: 20px; }
.head button:hover { background: var(--sunken); }
.dot { flex: none; inline-size: 10px; block-size: 10px; border-radius: 50%; background: var(--control); }
.dot.active { background: var(--accent); }
.body { display: grid; gap: 14px; padding: 0 18px 18px; }
.muted { color: var(--muted); font-size: 15px; }
.digits {
  padding: 10px 12px; border-radius: 8px; background: var(--sunken); user-select: all; text-align: center; white-space: nowrap;
  font: 500 26px/1.4 ui-monospace, "SF Mono", SFMono-Regular, Menlo, Consolas, "Liberation Mono", "DejaVu Sans Mono", monospace;
}
.code { user-select: all; color: var(--ink); font-weight: 600; white-space: nowrap; font-variant-numeric: tabular-nums; }
.ask { display: grid; gap: 12px; padding: 14px; border: 1px solid var(--accent); border-radius: 10px; background: var(--accent-soft); }
.ask p { font-weight: 600; }
.note { padding: 10px 14px; border: 1px solid var(--warn); border-radius: 8px; background: var(--warn-soft); color: var(--warn); }
.alone { max-inline-size: 352px; box-shadow: 0 8px 24px rgb(0 0 0 / .18); }
.row { display: flex; flex-wrap: wrap; gap: 10px; }
.row > button { flex: 1 1 auto; }
.heard { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
@media print { :host { display: none !important; } }
`;

const make = (name, { text, ...attributes } = {}, ...children) => {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key, value);
    else if (value !== undefined) element.setAttribute(key, value);
  }
  if (text !== undefined) element.textContent = text;
  element.append(...children.filter(Boolean));
  return element;
};
const button = (name, press, kind) => make("button", { type: "button", "data-name": name, class: kind, text: word(name), click: press });
const groups = (digits) => digits.replace(/\d{3}(?=\d)/g, "$& ");
const spelled = (digits) => groups(digits).split(" ").map((group) => [...group].join(" ")).join(", ");

let isSmall = false;
let isTyping = false; // the digits that an agent told
let typed = "";
let painted = "";
const heard = make("p", { class: "heard", role: "status" });
const shown = make("div", { class: "all", lang: language });
let host = null;

const copy = (digits) => {
  if (!navigator.clipboard) return null; // where the page is not served over TLS
  const one = button("copy", async () => {
    await navigator.clipboard.writeText(groups(digits));
    one.textContent = word("copied");
    setTimeout(() => { one.textContent = word("copy"); }, 3_000);
  });
  one.setAttribute("aria-live", "polite");
  return one;
};

const waiting = () => {
  // Whoever came by the agent's digits has none to tell.
  if (held.code === null) return [make("p", { class: "muted", text: word("comes") }), make("div", { class: "row" }, button("end", stop))];
  const time = new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" }).format(new Date(held.expiresAt));
  const code = make("span", { class: "code", text: groups(held.code) });
  return [
    make("p", { class: "digits", translate: "no" },
      make("span", { "aria-hidden": "true", text: groups(held.digits) }),
      make("span", { class: "heard", text: spelled(held.digits) })),
    make("p", { class: "muted" }, `${word("code")} `, code),
    make("p", { class: "muted", text: `${word("until", { time })} ${word("sees")}` }),
    make("div", { class: "row" }, copy(held.digits), button("end", stop)),
  ];
};

const active = () => {
  const { agent, mode, asked } = state;
  const question = make("div", { class: "ask" },
    make("p", { text: word("asks", { agent }) }),
    make("div", { class: "row" },
      button("allow", () => decide("write", "grant"), "primary"),
      button("refuse", () => decide("write", "refuse"))));
  return [
    asked === "requested" && question,
    mode === "write" && make("p", { class: "note", text: word("write", { agent }) }),
    mode !== "write" && asked !== "requested" && make("p", { class: "muted", text: word("pointer", { agent }) }),
    make("div", { class: "row" },
      mode === "write" && button("take_back", () => decide("pointer", "end")),
      button("end", stop)),
  ];
};

const title = () =>
  ({ waiting: () => word(held.code === null ? "starting" : "tell"), active: () => word("here", { agent: state.agent }), ended: () => word("over") })[state.phase]();

const box = () => {
  const { phase } = state;
  const body = {
    waiting,
    active,
    ended: () => [
      make("p", { class: "muted", text: word(`ended.${state.reason}`) }),
      make("div", { class: "row" }, button("close", () => change(OFF))),
    ],
  }[phase];
  const fold = make("button", {
    type: "button",
    "data-name": "fold",
    "aria-expanded": String(!isSmall),
    "aria-label": word(isSmall ? "larger" : "smaller"),
    text: isSmall ? "+" : "–",
    click: () => { isSmall = !isSmall; paint(); },
  });
  return make("section", { class: "box", "aria-label": word("name"), tabindex: "-1" },
    make("div", { class: "head" },
      make("span", { class: `dot ${phase}`, "aria-hidden": "true" }),
      make("h2", { text: title() }),
      phase !== "ended" && fold),
    !isSmall && make("div", { class: "body" },
      state.trouble !== null && make("p", { class: "note", role: "alert", text: word(state.trouble) }),
      ...body()));
};

const type = (value) => {
  isTyping = value;
  change({ trouble: null });
  (shown.querySelector("input") ?? shown.querySelector("button")).focus();
};

const pills = () => {
  if (state.phase === "starting") {
    const one = button("starting", () => {}, "pill primary");
    one.setAttribute("aria-disabled", "true");
    return [one];
  }
  return [button("have_digits", () => type(true), "pill minor"), button("share", () => start(), "pill primary")];
};

const typing = () => {
  const field = make("input", {
    inputmode: "numeric", autocomplete: "off", spellcheck: "false", maxlength: "40", value: typed,
    input: () => { typed = field.value; },
  });
  const form = make("form", { novalidate: "", submit: (event) => { event.preventDefault(); join(field.value); } },
    make("label", { text: word("digits") }, field),
    make("div", { class: "row" },
      make("button", { type: "submit", "data-name": "join", class: "primary", text: word("join") }),
      button("cancel", () => type(false))));
  return make("section", { class: "box", "aria-label": word("name"), tabindex: "-1" },
    make("div", { class: "head" }, make("h2", { text: word("have_digits") })),
    make("div", { class: "body" },
      state.trouble !== null && make("p", { class: "note", role: "alert", text: word(state.trouble) }),
      form));
};

const sentence = () =>
  ({
    off: () => "",
    starting: () => "",
    waiting: () => (held.code === null ? word("comes") : `${word("tell")}: ${spelled(held.digits)}`),
    active: () =>
      state.asked === "requested"
        ? word("asks", { agent: state.agent })
        : `${word("here", { agent: state.agent })}. ${word(state.mode === "write" ? "write" : "pointer", { agent: state.agent })}`,
    ended: () => `${word("over")}. ${word(`ended.${state.reason}`)}`,
  })[state.phase]();

function paint() {
  if (host === null) return;
  if (!host.isConnected) document.body.append(host); // some sites put another body into the page
  if (state.phase === "ended" || state.asked === "requested") isSmall = false;
  const picture = JSON.stringify([state, isSmall, isTyping, held?.digits]);
  if (picture === painted) return;
  painted = picture;
  const had = shown.getRootNode().activeElement;
  const alone = ["off", "starting"].includes(state.phase);
  const types = isTyping && state.phase === "off";
  shown.replaceChildren(
    ...[
      alone && !types && state.trouble !== null && make("p", { class: "note alone", role: "alert", text: word(state.trouble) }),
      ...(types ? [typing()] : alone ? pills() : [box()]),
    ].filter(Boolean),
  );
  // The keyboard stays where it was: on the same button, or on what took its place.
  if (had !== null) {
    const same = [...shown.querySelectorAll("button")].find((one) => one.dataset.name === had.dataset.name);
    (same ?? shown.querySelector("input") ?? shown.querySelector(".box, button.primary")).focus();
  }
  const text = sentence();
  if (heard.textContent !== text) heard.textContent = text;
}

const show = () => {
  host = make("gatehouse-cobrowse");
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];
  root.append(shown, heard);
  document.body.append(host);
  paint();
};

window.gatehouse = Object.freeze({
  /** Start a session, on the customer's own wish: `{ name, customData }` tell the agent who it is. Resolves to how it stands. */
  start,
  /** Join the session whose nine digits an agent told. Resolves to how it stands. */
  join,
  /** End the session. */
  stop,
  /** Be told how it stands, now and whenever that changes; gives a function that ends this. */
  onState(listener) {
    listeners.add(listener);
    listener(snapshot());
    return () => listeners.delete(listener);
  },
});

const goOn = () => {
  held = kept();
  change(held === null ? OFF : { ...OFF, ...held.stood });
  look();
};
goOn();
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
// The back button shows a page as it was left; what it was in may be over, or another.
addEventListener("pageshow", (event) => { if (event.persisted) goOn(); });
if (tag.dataset.ui !== "off" && "adoptedStyleSheets" in Document.prototype) {
  if (document.body === null) document.addEventListener("DOMContentLoaded", show);
  else show();
}
