/** Says once that something is waited for, however often that is told, and once that it is over. */
export interface WaitingNotice {
  begins(why: string): void;
  ends(): void;
}

/** @param say takes a line */
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
