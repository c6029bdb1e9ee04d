// Rejects files that are too large or too many before they are sent. The upload form also gets drag and drop and a
// progress bar. Without this script, the same form is sent like any other.
"use strict";

// What the server would say of the files, "" if it would accept them. The texts come from the page.
function refusal(files, rules) {
	const large = [...files].find((file) => file.size > Number(rules.each));
	if (large) return rules.tooLarge.replace("{name}", large.name);
	if (files.length > Number(rules.count)) return rules.tooMany;
	const room = Number(rules.all) - 65536; // the fields need some
	return [...files].reduce((sum, file) => sum + file.size, 0) > room ? rules.allTooLarge : "";
}

for (const input of document.querySelectorAll("input[type=file][data-each]")) {
	input.addEventListener("change", () => {
		input.setCustomValidity(refusal(input.files, input.dataset));
		input.reportValidity();
	});
}

for (const form of document.querySelectorAll("form[data-upload]")) {
	const input = form.querySelector("input[type=file]");
	const problem = form.querySelector("[data-upload-error]");
	const waiting = form.querySelector("[data-upload-bar]");
	const bar = form.querySelector("progress");
	const button = form.querySelector("button");

	const tell = (message) => {
		waiting.hidden = true;
		button.disabled = input.disabled = false;
		problem.textContent = message;
		problem.hidden = message === "";
	};

	const send = (files) => {
		if (button.disabled || files.length === 0) {
			return;
		}
		const wrong = refusal(files, input.dataset);
		if (wrong) {
			tell(wrong);
			return;
		}
		const data = new FormData();
		data.append("key", form.elements.key.value);
		for (const file of files) {
			data.append("files", file);
		}
		const request = new XMLHttpRequest();
		request.open("POST", form.action);
		request.setRequestHeader("Accept", "application/json");
		request.responseType = "json";
		request.upload.addEventListener("progress", (event) => {
			if (event.lengthComputable) {
				bar.value = 100 * event.loaded / event.total;
			} else {
				bar.removeAttribute("value");
			}
		});
		request.addEventListener("load", () => {
			if (request.status === 201) {
				location.assign(location.pathname.replace(/\/attachments$/, ""));
				return;
			}
			tell(request.response?.message ?? form.dataset.failed.replace("{status}", request.status));
			button.focus(); // it lost the focus while it could not be pressed
		});
		request.addEventListener("error", () => {
			tell(form.dataset.interrupted);
			button.focus();
		});
		tell("");
		button.disabled = input.disabled = true;
		bar.value = 0;
		waiting.hidden = false;
		request.send(data);
	};

	form.addEventListener("submit", (event) => {
		event.preventDefault();
		send(input.files);
	});
	form.classList.add("drop");
	for (const type of ["dragenter", "dragover"]) {
		form.addEventListener(type, (event) => {
			if (event.dataTransfer?.types.includes("Files")) {
				event.preventDefault();
				form.classList.add("over");
			}
		});
	}
	form.addEventListener("dragleave", (event) => {
		if (!form.contains(event.relatedTarget)) {
			form.classList.remove("over");
		}
	});
	form.addEventListener("drop", (event) => {
		event.preventDefault();
		form.classList.remove("over");
		send(event.dataTransfer.files);
	});
}
