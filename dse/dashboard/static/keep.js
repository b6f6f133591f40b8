// A part that is refreshed keeps what the reader did to it: ticks, opened details, scrolling.
const kept = new Map();
let toldBefore = document.querySelector("[data-said]")?.dataset.said;

const summaries = (part) => [...part.querySelectorAll("details")];

export function keepParts() {
  document.body.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    kept.set(target.id, {
      ticked: [...target.querySelectorAll("input[name=trials]:checked")].map((input) => input.value),
      opened: summaries(target).map((details) => details.open),
      scrolled: [...target.querySelectorAll(".scroll")].map((area) => [area.scrollLeft, area.scrollTop]),
      focused: target.contains(document.activeElement) ? document.activeElement.textContent : null,
    });
  });
  document.body.addEventListener("htmx:afterSettle", ({ detail: { target } }) => {
    const said = target.querySelector("[data-said]")?.dataset.said;
    // told aloud when it is another sentence than before, to those who do not see the numbers
    if (said && said !== toldBefore) document.getElementById("said").textContent = toldBefore = said;
    const state = kept.get(target.id);
    if (!state) return;
    kept.delete(target.id);
    for (const value of state.ticked) {
      const input = target.querySelector(`input[name=trials][value="${CSS.escape(value)}"]`);
      if (input) input.checked = true;
    }
    summaries(target).forEach((details, n) => (details.open = state.opened[n] ?? false));
    target.querySelectorAll(".scroll").forEach((area, n) => state.scrolled[n] && area.scrollTo(...state.scrolled[n]));
    if (state.focused) [...target.querySelectorAll("a, button")].find((e) => e.textContent === state.focused)?.focus();
  });
}
