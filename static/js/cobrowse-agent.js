// The page of a live session asks how it stands, and is loaded anew once that is another; without this file people look again themselves.
// To ask is also the sign of life of the agent's side. Words come from the template, never from here.

const EVERY = 3_000;
const EVERY_WHEN_HIDDEN = 30_000; // the agent reads in another tab, and is there nevertheless
const LONGEST_WAIT = 30_000;
const KEPT = "cobrowse-changed";

const place = document.querySelector("[data-cobrowse]");
const known = place.dataset.known;
const away = place.querySelector("[data-away]");
let wait = EVERY;
let timer = 0;
let changed = false;

const focused = sessionStorage.getItem(KEPT);
if (focused !== null) {
  sessionStorage.removeItem(KEPT);
  // The keyboard stays where it was: on the button that took the place of the one before.
  document.getElementById(focused)?.focus({ preventScroll: true });
  // Put there after the page is read, so that it is heard.
  setTimeout(() => { place.querySelector("[data-said]").textContent = document.getElementById("standing").textContent; }, 300);
}

const isBusy = () => {
  const here = document.activeElement;
  const types = here?.matches("textarea, select, input:not([type='hidden'])") && here.value !== "";
  return types || place.querySelector("details[open]") !== null || document.querySelector("form[aria-busy='true']") !== null;
};

const remember = () => sessionStorage.setItem(KEPT, document.activeElement?.id ?? "");
const again = () => {
  remember();
  location.reload();
};
document.getElementById("mode")?.form.addEventListener("submit", remember);

const same = (one, other) => Object.keys({ ...one, ...other }).every((name) => one[name] === other[name]);

const ask = async () => {
  // A redirect is the way to sign in or to confirm.
  const answer = await fetch(place.dataset.url, { headers: { Accept: "application/json" }, cache: "no-store", redirect: "manual" });
  if (answer.type === "opaqueredirect" || [401, 403, 404].includes(answer.status)) return again();
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  const stands = await answer.json();
  changed = !same(stands, JSON.parse(known));
  away.hidden = true;
  wait = EVERY;
  if (stands.state === "ended" || (changed && !isBusy())) again();
};

const go = async () => {
  clearTimeout(timer);
  try {
    await ask();
  } catch {
    wait = Math.min(wait * 2, LONGEST_WAIT);
    away.hidden = wait <= EVERY * 2; // one answer may get lost without anybody minding
  }
  clearTimeout(timer);
  timer = setTimeout(go, document.hidden ? EVERY_WHEN_HIDDEN : wait);
};

document.addEventListener("visibilitychange", () => { if (!document.hidden) go(); });
timer = setTimeout(go, EVERY);
