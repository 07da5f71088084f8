// Verifies messages with the library `standardwebhooks', as a vendor's server
// would.  Reads an array of {secret, headers, body} in JSON, body in base64;
// writes an array: what verify() returned, or the name of its error.
import { readFileSync } from "node:fs";
import { Webhook } from "standardwebhooks";

const judge = ({ secret, headers, body }) => {
	try {
		const raw = Buffer.from(body, "base64");
		return { payload: new Webhook(secret).verify(raw, headers) };
	} catch (e) {
		return { error: `${e.constructor.name}: ${e.message}` };
	}
};

const messages = JSON.parse(readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(messages.map(judge)));
