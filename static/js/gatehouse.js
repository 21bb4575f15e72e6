// Comforts only: every page works without this file. Words come from the template (data- attributes), never from here.

for (const box of document.querySelectorAll("[data-reveal]")) {
  const input = box.querySelector("input");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = box.dataset.show;
  button.setAttribute("aria-label", box.dataset.showLabel);
  button.setAttribute("aria-controls", input.id);
  const reveal = (shown) => {
    input.type = shown ? "text" : "password";
    button.textContent = shown ? box.dataset.hide : box.dataset.show;
    button.setAttribute("aria-label", shown ? box.dataset.hideLabel : box.dataset.showLabel);
  };
  button.addEventListener("click", () => {
    reveal(input.type === "password");
    input.focus();
  });
  // A revealed password must not stay in the browser's form history as plain text.
  input.form?.addEventListener("submit", () => reveal(false));
  box.append(button);
}

for (const button of document.querySelectorAll("button[data-wait]")) {
  const left = button.querySelector("[data-wait-left]");
  const end = performance.now() + Number(button.dataset.wait) * 1000;
  button.setAttribute("aria-disabled", "true");
  const refuse = (event) => event.preventDefault();
  button.addEventListener("click", refuse);
  const timer = setInterval(() => {
    const seconds = Math.ceil((end - performance.now()) / 1000);
    if (seconds > 0) {
      left.textContent = left.textContent.replace(/\d+/, String(seconds));
      return;
    }
    clearInterval(timer);
    left.remove();
    button.removeAttribute("aria-disabled");
    button.removeEventListener("click", refuse);
  }, 500);
}

// "123 456" pasted into a field of six would lose its last digit.
for (const input of document.querySelectorAll('input[autocomplete="one-time-code"]')) {
  input.addEventListener("paste", (event) => {
    const text = event.clipboardData?.getData("text") ?? "";
    event.preventDefault();
    const limit = input.maxLength > 0 ? input.maxLength : undefined;
    input.value = text.replace(/[\s-]/g, "").slice(0, limit);
    input.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

const here = new Intl.DateTimeFormat(document.documentElement.lang || undefined, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) continue;
  time.title = time.textContent.trim();
  time.textContent = here.format(at);
}

// One press, one request; the page restored by the back button is usable again.
for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener("submit", (event) => {
    if (form.getAttribute("aria-busy") === "true") event.preventDefault();
    form.setAttribute("aria-busy", "true");
    // A download leaves the page where it is.
    setTimeout(() => form.removeAttribute("aria-busy"), 4000);
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
});

const wrong = document.querySelector('[aria-invalid="true"]');
wrong?.focus();
wrong?.select?.(); // what is typed takes the place of what was wrong

for (const button of document.querySelectorAll("button[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => print());
}

for (const input of document.querySelectorAll("input[data-select]")) {
  input.addEventListener("focus", () => input.select());
}

for (const menu of document.querySelectorAll("details.person")) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  const said = button.textContent;
  // Where the page is not served over TLS, browsers have no clipboard; the text can be marked and copied by hand.
  if (!source || !navigator.clipboard) continue;
  button.hidden = false;
  button.setAttribute("aria-live", "polite");
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(source.value ?? source.textContent.trim());
    button.textContent = button.dataset.copied;
    setTimeout(() => { button.textContent = said; }, 3000);
  });
}
