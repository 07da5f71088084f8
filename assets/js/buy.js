/*
 * The buy button for other sites: a link to /buy/NAME with data-licet-buy
 * opens a small window beside the page.  Without this script, or when the
 * browser refuses the window, it is a plain link.  No dependencies, nothing
 * is fetched, nothing is stored.
 */
(() => {
	"use strict";
	const size = "popup,width=480,height=820";

	function prepare(link) {
		link.target = "_blank";
		link.rel = "noopener";
		if (link.querySelector("[data-licet-note]") ||
		    link.hasAttribute("aria-label"))
			return;
		/* For those who hear the page; place and size hide it. */
		const note = document.createElement("span");
		note.dataset.licetNote = "";
		note.textContent = " (opens in a new window)";
		Object.assign(note.style, { position: "absolute", width: "1px",
		    height: "1px", overflow: "hidden", clipPath: "inset(50%)",
		    whiteSpace: "nowrap" });
		link.append(note);
	}

	document.addEventListener("click", event => {
		const link = event.target.closest("a[data-licet-buy]");
		if (!link || event.defaultPrevented || event.button !== 0 ||
		    event.metaKey || event.ctrlKey || event.shiftKey ||
		    matchMedia("(max-width: 60rem)").matches)
			return;
		const opened = window.open("about:blank", "_blank", size);
		if (!opened)
			return;
		event.preventDefault();
		opened.opener = null;
		opened.location.replace(link.href);
	});

	function prepareAll() {
		document.querySelectorAll("a[data-licet-buy]").forEach(prepare);
	}
	if (document.readyState === "loading")
		document.addEventListener("DOMContentLoaded", prepareAll);
	else
		prepareAll();
})();
