// Files can be dropped on the form for them, and a bar shows how far they are. Without a script the same form
// is sent as any other.
"use strict";

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
			tell(request.response?.message ?? "The files were not added: the server answered " + request.status + ".");
		});
		request.addEventListener("error", () => tell("The files were not added: the connection broke off."));
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
