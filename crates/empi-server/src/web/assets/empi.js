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

// A choice that is the whole form is sent at once, and has the focus again when the page comes back.
document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-submits]")) return;
  if (event.target.id) event.target.form.action += `#${event.target.id}`;
  event.target.form.requestSubmit();
});
const moved = document.getElementById(location.hash.slice(1));
if (moved?.matches("[data-submits]")) moved.focus();

// A file is read into the field that is sent.
document.addEventListener("change", async (event) => {
  const field = document.getElementById(event.target.dataset.reads ?? "");
  const file = event.target.files?.[0];
  if (field && file) field.value = await file.text();
});

// What goes on in the background is looked at again, while somebody looks and is not typing.
const reload = document.querySelector("[data-reload-seconds]");
const lookAgain = () => document.hidden || isTyping(document.activeElement) || location.reload();
if (reload) setInterval(lookAgain, reload.dataset.reloadSeconds * 1000);

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
