// Forms that change a study: sent with the token, which no other site has; what came of it is said
// once, on the page where it can be seen.
const SAID = "said";

function say(id, ...parts) {
  for (const other of ["done", "refused"]) document.getElementById(other).replaceChildren();
  const card = Object.assign(document.createElement("p"), { className: `card ${id === "done" ? "done" : "fault"}` });
  card.append(...parts);
  document.getElementById(id).replaceChildren(card);
}

function token() {
  try {
    return JSON.parse(localStorage.getItem("acting") ?? "null")?.token ?? "";
  } catch {
    return "";
  }
}

async function send(form) {
  if (form.dataset.confirm && !confirm(form.dataset.confirm)) return;
  const answer = await fetch(form.action, {
    method: "POST",
    headers: { Authorization: `Bearer ${token()}` },
    body: new URLSearchParams(new FormData(form)),
  });
  const told = await answer.json();
  if (!answer.ok) {
    say("refused", Object.assign(document.createElement("b"), { textContent: `${told.error}.` }), ` Fix: ${told.fix}`);
    return scrollTo(0, 0);
  }
  if (told.page === location.pathname && !("reload" in form.dataset)) {
    say("done", told.done);
    document.body.dispatchEvent(new CustomEvent("progress-changed"));
    return;
  }
  sessionStorage.setItem(SAID, told.done);
  if (told.page === location.pathname) location.reload(); // with the choice in its address
  else location.assign(told.page);
}

export function startActs() {
  const said = sessionStorage.getItem(SAID);
  if (said) {
    sessionStorage.removeItem(SAID);
    say("done", said);
  }
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    event.preventDefault();
    const buttons = form.querySelectorAll("button");
    for (const button of buttons) button.disabled = true;
    try {
      await send(form);
    } catch (error) {
      say("refused", `The dashboard did not answer: ${error.message}`);
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  });
}
