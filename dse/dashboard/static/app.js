// What every page does; charts are fetched by the pages that have one.
import { startActs } from "./act.js";
import { keepParts } from "./keep.js";
import { follow } from "./live.js";
import { startSelection } from "./selection.js";

const root = document.documentElement;

function themeButton() {
  const button = document.getElementById("theme");
  button.hidden = false;
  const isDark = () =>
    (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // only for this page then
    }
    document.dispatchEvent(new CustomEvent("theme-changed"));
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    document.dispatchEvent(new CustomEvent("theme-changed")),
  );
}

function copyButtons() {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    });
  }
}

function durationText(seconds) {
  const whole = Math.round(seconds);
  const two = (n) => String(n).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}

function tick() {
  for (const node of document.querySelectorAll("time[data-since]")) {
    node.textContent = durationText(Math.max(Date.now() / 1000 - Number(node.dataset.since), 0));
  }
}

startActs();
themeButton();
copyButtons();
if (document.querySelector("time[data-since]") || document.body.dataset.study) setInterval(tick, 1000);
startSelection();
keepParts();
if (document.getElementById("front-chart")) {
  const front = await import("./front.js");
  await front.start();
}
follow(document.body.dataset);
