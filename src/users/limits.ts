/** The limits of the contract. Sizes are in bytes of the protobuf encoding. */
export const limits = {
  /** A user's id. */
  maxIdBytes: 256,
  /** The name of a property. */
  maxPropertyNameBytes: 128,
  /** Properties of a user. */
  maxProperties: 512,
  /** One property's google.protobuf.Value. */
  maxValueBytes: 64 * 1024,
  /** A user's properties together. */
  maxPropertiesBytes: 256 * 1024,
  /** A user's preferences together. */
  maxPreferencesBytes: 64 * 1024,
  /** Objects or lists around the innermost part of a value. Every protobuf runtime reads so many. */
  maxValueDepth: 24,
  /** Items in one BatchIdentifyRequest or IdentifyUsersRequest. */
  maxBatchItems: 1_000,
  /** Names in `unset` of all items of one such request together. */
  maxBatchNames: 64 * 1024,
  /** Ids in one BatchGetUsersRequest. */
  maxBatchIds: 1_000,
  /** Users on one page of ListUsers, FindUsers and ScanUsers. */
  maxPageSize: 1_000,
  /** Properties by which users can be found. */
  maxIndexes: 8,
  /** Text in an index, in UTF-8 after folding. */
  maxIndexedBytes: 256,
  /** The beginning of text to find users by, in characters. */
  minPrefixCharacters: 2,
  /** Users that one page of ScanUsers looks at. */
  maxScannedUsers: 10_000,
  /** The etag of a precondition. Every etag is shorter. */
  maxEtagBytes: 64,
  /** How far observed_at may be ahead of the store's clock. */
  maxObservedAheadSeconds: 3_600,
  /** One request message. */
  maxRequestBytes: 4 * 1024 * 1024,
  /** Nested objects and lists in a JSON request: more than in any valid value, so that errors can name a path. */
  maxJsonDepth: 1_024,
  /** One request message to health or reflection, which need no credentials. */
  maxOpenRequestBytes: 4 * 1024,
  /** One answer. */
  maxAnswerBytes: 3 * 1024 * 1024,
  /** Violations in one error. */
  maxViolations: 20,
} as const;

export type LimitName = keyof typeof limits;
