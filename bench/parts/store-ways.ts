/** What the adapters send to their stores, in this process alone. */
import { randomBytes } from "node:crypto";
import calculateSlot from "cluster-key-slot";
import { Command } from "ioredis";
import { noConfiguration } from "../../src/store/configuration.ts";
import { PackedReader } from "../../src/store/packed/buffer.ts";
import { packCommands, unpackCommand } from "../../src/store/packed/packed.ts";
import { ScriptCommand } from "../../src/store/redis/command.ts";
import { createKeys, partitionOf } from "../../src/store/redis/keys.ts";
import { placed, writeCall } from "../../src/store/redis/write-call.ts";
import { createEtagSource } from "../../src/users/etag.ts";
import type { Ways } from "./measure.ts";
import { commands, count, users } from "./samples.ts";

export function storeWays(): Ways[] {
  const perCall = 128;
  const some = commands.slice(0, perCall);
  const keys = createKeys("rollcall:");
  const groups = [...new Set(some.map(({ id }) => partitionOf(id)))];
  const call = writeCall({ servers: { partitioned: false }, keys }, some.map(placed), groups, noConfiguration);
  const words = [call.script.sha, call.keys.length, ...call.keys, ...call.args, 0, 0];
  const drawEtag = createEtagSource();
  const batch = { call: "BatchIdentify" } as const;
  return [
    {
      ...batch,
      part: "RESP of a script call (`store/redis/script-command`)",
      against: "ioredis' `Command`",
      guards: "its errors name no arguments",
      units: perCall,
      ours: () => new ScriptCommand(call, false, [0, 0]).toWritable(),
      plain: () => new Command("EVALSHA", words).toWritable({}),
    },
    {
      part: "Packed commands to SQLite's thread (`store/packed`)",
      against: "the structured clone of the commands",
      call: "BatchIdentify, SQLite",
      units: perCall,
      ours() {
        const reader = new PackedReader(packCommands(some));
        reader.u8();
        return Array.from({ length: reader.u32() }, () => unpackCommand(reader));
      },
      // Without a copy, the clone of each view would hold the whole message.
      plain: () => structuredClone(some.map((command) => ({ ...command, edits: new Uint8Array(command.edits) }))),
    },
    {
      ...batch,
      part: "CRC16 of ids (`store/redis/keys`)",
      against: "`cluster-key-slot`",
      guards: "the library takes braces in an id for a hash tag",
      units: count,
      ours: () => commands.map(({ id }) => partitionOf(id)),
      plain: () => commands.map(({ id }) => calculateSlot(id) >> 8),
    },
    {
      ...batch,
      part: "Etags by counter (`users/etag`)",
      against: "`randomBytes` for each",
      units: count,
      ours: () => users.map(() => drawEtag()),
      plain: () => users.map(() => randomBytes(15).toString("base64url")),
    },
  ];
}
