// The little that pages cannot do by themselves: keys, dialogs, and leaving the screen when a session is over.
// It makes no markup and fetches nothing. Every key has a button or link that does the same.
"use strict";

const isTyping = (element) =>
  element instanceof HTMLElement &&
  (element.isContentEditable || element.matches("textarea, select, input:not([type=checkbox], [type=radio])"));

// What a key stands for is written on the element that it presses: data-key="s".
document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
  if (isTyping(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  // On a link or button this key presses that very one.
  if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
  const dialog = document.querySelector("dialog[open]");
  const within = dialog ?? document;
  const pressed = [...within.querySelectorAll("[data-key]")].find(
    (element) => element.dataset.key === event.key && !element.disabled && element.checkVisibility(),
  );
  if (!pressed) return;
  event.preventDefault();
  if (isTyping(pressed) || "focus" in pressed.dataset) {
    pressed.focus();
    pressed.select?.();
  } else {
    pressed.click();
  }
});

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  if (event.target.closest("[data-closes]")) event.target.closest("dialog")?.close();
});

// A choice that is the whole form is sent at once.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
});

// Nobody decides twice by pressing twice.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
// A page that comes back from the browser's memory is asked for anew.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
});

// When the session is over nothing of a patient stays on the screen.
const idle = Number(document.body.dataset.idleSeconds);
if (idle > 0) setTimeout(() => window.location.replace("/sign-in"), (idle + 1) * 1000);
