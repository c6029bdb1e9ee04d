// What every page does better with a script. Every page works without it.
"use strict";

// A form that is on its way is not sent once more by a second click, and shows that it is.
document.addEventListener("submit", (event) => {
	const form = event.target;
	if (event.defaultPrevented || form.method !== "post" || event.submitter?.hasAttribute("data-download")) return;
	if (form.hasAttribute("aria-busy")) event.preventDefault();
	form.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", () => { // also when somebody comes back to it
	for (const form of document.querySelectorAll("form[aria-busy]")) form.removeAttribute("aria-busy");
});
