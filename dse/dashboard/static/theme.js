// Before the first paint: the theme that was chosen here, and the mark that scripts run.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen) root.dataset.theme = chosen;
  } catch {
    // storage may be forbidden: the system's theme it is
  }
})();
