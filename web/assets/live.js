// Shows the progress of a run, and reloads the page's content when a run begins or ends or the sync status changes.
// Without this script, a page with a run in progress has a link that reloads it. The texts come from the page.
"use strict";
(() => {
	const number = new Intl.NumberFormat("id-ID");
	const said = document.createElement("p"); // outlives the content, so that a run's end is said, too
	said.className = "visually-hidden";
	said.setAttribute("role", "status");
	document.body.append(said);
	let source = null, loading = false, again = false, due = false;
	let told = []; // how far the newest run is, also while the page does not show it yet

	const page = () => document.querySelector("[data-live]");
	const shown = () => Number(page()?.dataset.live); // the run, 0 for none
	const fill = (text, values) => (text ?? "").replace(/{(\w+)}/g, (_, name) => values[name]);
	const texts = () => page()?.querySelector(".live")?.dataset ?? {};
	const rows = (text, count) => fill(texts()[text], { rows: typeof count === "number" ? number.format(count) : count });

	// Whether the page shows something else than is so now. It says itself what it depends on besides the run.
	function isNews({ state, realtime, running }) {
		if ((running?.run ?? 0) !== shown()) return true;
		const now = { state, realtime: realtime?.state ?? "", attempts: String(running?.attempts ?? 0) };
		return Object.keys(now).some((name) => (page().dataset[name] ?? now[name]) !== now[name]);
	}

	function line(table) {
		const list = page()?.querySelector(".live ul");
		if (!list) return null;
		let item = [...list.children].find((child) => child.dataset.table === table);
		if (!item) {
			item = list.querySelector("template").content.firstElementChild.cloneNode(true);
			item.dataset.table = table;
			item.querySelector("code").textContent = table;
			item.querySelector("progress").setAttribute("aria-label", table);
			list.append(item);
			said.textContent = fill(texts().begun, { table });
		}
		return item;
	}

	function progress({ run, table, done, total }) {
		const item = run === shown() && line(table);
		if (!item) return;
		const bar = item.querySelector("progress");
		if (total > 0) {
			bar.max = total;
			bar.value = Math.min(done, total);
		}
		item.querySelector(".n").textContent = rows("rows", number.format(done) + (total > 0 ? " / " + number.format(Math.max(done, total)) : ""));
	}

	function finish(count) {
		const item = count.run === shown() && line(count.table);
		if (!item) return;
		const bar = item.querySelector("progress");
		bar.max = bar.value = 1;
		item.querySelector(".n").textContent = rows("rows", count.inserted + count.updated + count.unchanged + count.released + count.quarantined);
		const changes = ["inserted", "updated", "deleted", "released", "quarantined"].filter((what) => count[what] > 0);
		item.querySelector(".muted").textContent = changes.map((what) => rows(what, count[what])).join(", ") || texts().unchanged;
	}

	function tell(act, event) {
		told = told.filter((old) => old.event.run === event.run && !(old.act === act && old.event.table === event.table));
		told.push({ act, event });
		act(event);
	}

	async function load() {
		due = document.activeElement?.matches("main input") ?? false; // somebody is typing there
		if (due) {
			listen();
			return;
		}
		again = loading;
		if (loading) return;
		loading = true;
		try {
			do {
				again = false;
				await replace();
			} while (again);
			listen();
		} catch {
			setTimeout(() => location.reload(), 3000);
		}
		loading = false;
	}

	async function replace() {
		const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
		if (!answer.ok || answer.redirected) throw new Error(answer.statusText);
		const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
		for (const part of ["main", ".status"]) {
			const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
			if (!old || !now) continue;
			old.className = now.className;
			const focused = old.contains(document.activeElement);
			old.replaceChildren(...now.childNodes);
			if (focused) document.querySelector("main").focus({ preventScroll: true }); // the keyboard goes on from there
		}
		document.title = fresh.title;
		for (const { act, event } of told) act(event);
	}

	function listen() {
		if (!page() || document.hidden) { // a browser has few connections, and other pages need some
			source?.close();
			source = null;
			return;
		}
		if (source) return;
		source = new EventSource("/api/product-lifecycle/sync/events");
		const on = (name, act) => source.addEventListener(name, (event) => act(JSON.parse(event.data)));
		on("progress", (event) => tell(progress, event));
		on("table", (event) => tell(finish, event));
		on("state", (state) => { if (isNews(state)) load(); });
		on("finished", ({ run, state }) => {
			said.textContent = fill(page()?.dataset.ended, { run, state });
			load();
		});
		source.onerror = () => {
			if (source?.readyState !== EventSource.CLOSED) return; // else it comes back by itself
			source = null;
			setTimeout(load, 3000);
		};
	}

	document.addEventListener("focusout", () => { if (due) setTimeout(load); });
	document.addEventListener("visibilitychange", listen);
	listen();
})();
