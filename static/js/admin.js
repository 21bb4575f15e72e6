// Names for stock admin fields that come without one: cells of tabular inlines and editable lists, and the search boxes of select2.

const label = (root) => {
  for (const field of root.querySelectorAll(":is(.tabular, #result_list) td:not(.original, .action-checkbox) :is(input, select, textarea):not([type=hidden], [aria-label])")) {
    const cell = field.closest("td");
    const heading = cell.closest("table").tHead?.rows[0]?.cells[cell.cellIndex];
    if (heading && !field.labels?.length) field.setAttribute("aria-label", heading.textContent.trim());
  }
  for (const select of root.querySelectorAll("select.admin-autocomplete")) {
    const box = select.nextElementSibling?.querySelector('[role="combobox"]');
    const name = (select.labels?.[0]?.textContent ?? select.getAttribute("aria-label") ?? "").trim();
    if (box && name) {
      box.setAttribute("aria-label", name);
      box.querySelector('[role="textbox"]')?.setAttribute("aria-label", name);
    }
  }
  for (const hint of root.querySelectorAll("span.help-tooltip[aria-label]")) hint.setAttribute("role", "img");
};

addEventListener("load", () => label(document));
document.addEventListener("formset:added", (event) => label(event.target.closest(".inline-group") ?? document));
