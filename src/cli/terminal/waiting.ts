/** Says once that waiting begins, however often that is reported, and once that it has ended. */
export interface WaitingNotice {
  begins(why: string): void;
  ends(): void;
}

/** @param say prints a line */
export function waitingNotice(say: (line: string) => void): WaitingNotice {
  let isWaiting = false;
  return {
    begins(why) {
      if (!isWaiting) say(why);
      isWaiting = true;
    },
    ends() {
      if (isWaiting) say("the server answers again");
      isWaiting = false;
    },
  };
}
