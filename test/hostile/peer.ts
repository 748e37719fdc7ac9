/** A process that plays one of the hostile peers: `node peer.ts NAME PORT`. */
import { constants, setPriority } from "node:os";
import { peers } from "./peers.ts";

const [name = "", port] = process.argv.slice(2);
// What is measured is what it does to the server, and not to the machine.
setPriority(constants.priority.PRIORITY_LOW);
const peer = Object.entries(peers).find(([known]) => known === name)?.[1];
if (peer === undefined) throw new Error(`there is no hostile peer ${name}`);
await peer(Number(port));
