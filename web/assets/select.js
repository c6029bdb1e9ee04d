// Counts the ticked boxes of a list, and ticks all of a page without loading it again.
"use strict";

for (const form of document.querySelectorAll("form[data-selection]")) {
	const boxes = [...form.querySelectorAll("input[name=select]:not(:disabled)")];
	const count = form.querySelector("[data-selection-count]");
	const show = () => {
		if (count) count.textContent = count.dataset.selectionCount.replace("{count}", boxes.filter((box) => box.checked).length);
	};
	form.addEventListener("change", show);
	form.querySelector("[data-select-page]")?.addEventListener("click", (event) => {
		event.preventDefault();
		for (const box of boxes) box.checked = true;
		show();
	});
	window.addEventListener("pageshow", show); // the browser restores ticks when somebody comes back
	show();
}
