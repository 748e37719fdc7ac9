import { createRollcallClient } from "rollcall";

const users = createRollcallClient(process.env["ROLLCALL_SERVER"] ?? "http://127.0.0.1:50051");

await users.identify({ id: "u1", properties: { name: "Ada", email: "ada@example.com" } });
const { user } = await users.getUser({ id: "u1" });
console.log(user?.properties);
