// Before the first paint: the theme that was chosen here, that scripts run, and whether this
// browser may act.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const given = /^#token=(.+)$/.exec(location.hash);
  if (given) history.replaceState(null, "", location.pathname + location.search);
  try {
    // storage, unlike a cookie, belongs to one port: no other program of this machine gets it
    if (given) localStorage.setItem("acting", JSON.stringify({ page: root.dataset.page, token: decodeURIComponent(given[1]) }));
    const acting = JSON.parse(localStorage.getItem("acting") ?? "null");
    if (acting?.page === root.dataset.page) root.classList.add("may-act");
    const chosen = localStorage.getItem("theme");
    if (chosen) root.dataset.theme = chosen;
  } catch {
    // storage may be forbidden: the system's theme it is, and reading only
  }
})();
