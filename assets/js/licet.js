/*
 * What scripts add to pages that work without them: times in the viewer's
 * zone, copy buttons, news without a reload.
 */
"use strict";

const time = new Intl.DateTimeFormat(undefined,
    { dateStyle: "medium", timeStyle: "short" });

function localise(root) {
	for (const t of root.querySelectorAll("time[datetime]")) {
		const at = new Date(t.dateTime);
		if (!isNaN(at)) {
			t.title = t.dateTime;
			t.textContent = time.format(at);
		}
	}
}

function copyable(root) {
	if (!navigator.clipboard)
		return;
	for (const code of root.querySelectorAll("[data-copy]")) {
		const button = document.createElement("button");
		button.type = "button";
		button.className = "copy";
		button.textContent = "Copy";
		button.addEventListener("click", async () => {
			await navigator.clipboard.writeText(code.textContent);
			button.textContent = "Copied";
			setTimeout(() => { button.textContent = "Copy"; }, 1500);
		});
		code.after(button);
	}
}

function enhance(root) {
	localise(root);
	copyable(root);
}

/* Parts of a page that say data-live are fetched anew while it is seen. */
async function refresh() {
	const parts = document.querySelectorAll("[data-live]");
	if (document.hidden || parts.length === 0)
		return;
	try {
		const answer = await fetch(location.href,
		    { headers: { accept: "text/html" } });
		if (!answer.ok || answer.redirected)
			return;
		const page = new DOMParser().parseFromString(
		    await answer.text(), "text/html");
		for (const part of parts) {
			const news = page.getElementById(part.id);
			if (news && !part.contains(document.activeElement)) {
				enhance(news);
				part.replaceWith(news);
			}
		}
	} catch {
		/* Away for a moment; the next one tells. */
	}
}

enhance(document);
setInterval(refresh, 10000);
