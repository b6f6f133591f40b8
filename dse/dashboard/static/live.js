// What the server tells as it happens: merged into the charts, and named to the parts of the page.
const PAUSE_MS = 400;

let source = null;
let seen = "";
const due = new Set();
let timer = null;

function announce(kind) {
  due.add(kind);
  timer ??= setTimeout(() => {
    timer = null;
    for (const name of due) document.body.dispatchEvent(new CustomEvent(name));
    due.clear();
  }, PAUSE_MS);
}

function show(isLive, words) {
  const mark = document.getElementById("live");
  mark.hidden = false;
  mark.classList.toggle("off", !isLive);
  mark.lastElementChild.textContent = words;
}

function open({ events }) {
  source = new EventSource(seen ? `${events}?seen=${encodeURIComponent(seen)}` : events);
  source.addEventListener("open", () => show(true, "live"));
  source.addEventListener("error", () => show(false, "not connected"));
  source.addEventListener("trials", (event) => {
    seen = event.lastEventId;
    document.dispatchEvent(new CustomEvent("changes", { detail: JSON.parse(event.data) }));
    announce("trials-changed");
  });
  source.addEventListener("reload", (event) => {
    seen = event.lastEventId;
    document.dispatchEvent(new CustomEvent("columns-stale"));
    announce("trials-changed");
  });
  source.addEventListener("progress", () => announce("progress-changed"));
  source.addEventListener("studies", () => announce("studies-changed"));
  source.addEventListener("gone", (event) => {
    source.close();
    show(false, JSON.parse(event.data).what);
  });
}

export function follow(page) {
  if (!page.events) return;
  seen = page.seen || "";
  open(page);
  document.addEventListener("visibilitychange", () => {
    // a hidden page holds no connection: browsers allow six to one server
    if (document.hidden) {
      source.close();
    } else if (source.readyState === EventSource.CLOSED) {
      open(page);
    }
  });
  addEventListener("pagehide", () => source.close());
}
