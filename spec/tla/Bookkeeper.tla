------------------------------ MODULE Bookkeeper ------------------------------
(***************************************************************************)
(* One ledger of Apache BookKeeper.  A writer sends entries to the bookies *)
(* of an ensemble, each entry to the WQ of its write set, and acknowledges *)
(* an entry once AQ of these have stored it, and all entries below: that   *)
(* is the LAC.  A bookie that fails is replaced: a new fragment of the     *)
(* ledger begins, in the metadata by compare-and-set, before it is used.   *)
(*                                                                         *)
(* A client that takes the writer for dead recovers the ledger: it marks   *)
(* the metadata, fences bookies of the last ensemble and hears their LAC,  *)
(* reads entry after entry from there, writes back what any bookie has,    *)
(* and closes the ledger before the first entry that too many lack.        *)
(* Bookies may lose their disks and come back empty.                       *)
(*                                                                         *)
(* A request is under way from when it is sent, and may never arrive.  An  *)
(* answer is counted by a step of its own, which may never come: so every  *)
(* delay and loss of it is a behaviour, and it needs no message.           *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS
  Bookie, Recoverer, Writer,
  E, WQ, AQ,   \* ensemble, write quorum, ack quorum
  MaxEntry,    \* entries are 1..MaxEntry
  MaxChanges,  \* most changes of ensembles, of all clients together
  MaxWipes,    \* how often a bookie may come back empty
  Bug          \* "none", or the name of the one rule that is broken

Symmetry == Permutations(Bookie) \cup Permutations(Recoverer)
Client == Recoverer \cup {Writer}
Entry  == 1..MaxEntry
Word   == {"silent", "yes", "no", "unknown"}

VARIABLES
  status, last, owner, fragments, \* the metadata: "open" | "recovery" | "closed",
                                  \*  its last entry, who changed it last, and
                                  \*  where the entries are
  entries, lac, fenced, limbo,    \* of each bookie
  phase,    \* [Client -> "idle" | "writing" | "fencing" | "reading" | "ended" | "done"]
  sent,     \* [Client -> highest entry sent, or read and written back]
  acked,    \* [Client -> LAC: entries up to it are on an ack quorum]
  told,     \* [Client -> [Entry -> the LAC that its add tells]]
  chain,    \* [Client -> the fragments as it has them]
  from,     \* [Recoverer -> first entry of the ensemble that it reads from]
  reads,    \* [Recoverer -> that ensemble]
  waiting,  \* [Client -> [Bookie -> adds under way]]
  answered, \* [Client -> [Bookie -> adds answered, above the LAC]]
  heard,    \* [Recoverer -> bookies that it has heard to be fenced]
  said,     \* [Recoverer -> [Bookie -> Word on the read of entry sent + 1]]
  changes, wipes

meta  == <<status, last, owner, fragments>>
disks == <<entries, lac, fenced, limbo>>
adds  == <<sent, acked, told, chain, waiting, answered>>
vars  == <<meta, disks, adds, phase, from, reads, heard, said, changes, wipes>>

-----------------------------------------------------------------------------
Max(S) == CHOOSE n \in S : \A m \in S : m <= n
Last(s) == s[Len(s)]
Members(ensemble) == {ensemble[i] : i \in DOMAIN ensemble}

(* Entries are striped over an ensemble, round robin. *)
WriteSet(ensemble, e) == {ensemble[((e - 1 + i) % E) + 1] : i \in 0..(WQ-1)}

(* The ensemble that has entry e. *)
EnsembleOf(fs, e) ==
  LET S == {i \in DOMAIN fs : fs[i].first <= e}
  IN  fs[IF S = {} THEN 1 ELSE Max(S)].ensemble

Ensembles == {s \in [1..E -> Bookie] : \A i, j \in 1..E : i # j => s[i] # s[j]}
Nothing   == [b \in Bookie |-> {}]

Init ==
  /\ status = "open" /\ last = 0 /\ owner = Writer
  /\ \E s \in Ensembles : fragments = <<[first |-> 1, ensemble |-> s]>>
  /\ entries = Nothing /\ lac = [b \in Bookie |-> 0]
  /\ fenced = [b \in Bookie |-> FALSE] /\ limbo = [b \in Bookie |-> FALSE]
  /\ phase = [c \in Client |-> IF c = Writer THEN "writing" ELSE "idle"]
  /\ sent = [c \in Client |-> 0] /\ acked = [c \in Client |-> 0]
  /\ told = [c \in Client |-> [e \in Entry |-> 0]]
  /\ chain = [c \in Client |-> IF c = Writer THEN fragments ELSE <<>>]
  /\ from = [r \in Recoverer |-> 0] /\ reads = [r \in Recoverer |-> <<>>]
  /\ waiting = [c \in Client |-> Nothing] /\ answered = [c \in Client |-> Nothing]
  /\ heard = [r \in Recoverer |-> {}]
  /\ said = [r \in Recoverer |-> [b \in Bookie |-> "silent"]]
  /\ changes = 0 /\ wipes = 0

-----------------------------------------------------------------------------
(* What no step asks for is forgotten: who has answered for entries up to  *)
(* the LAC, and which LAC an add told that is not under way.  Settle gives *)
(* answered and told of client c their next values, from w, a and n: what  *)
(* is under way and answered, and the LAC.                                 *)
Settle(c, w, a, n, t) ==
  /\ answered' = [answered EXCEPT ![c] = [b \in Bookie |-> {e \in a[b] : e > n}]]
  /\ told' = [told EXCEPT ![c] =
       [e \in Entry |-> IF e <= n /\ \A b \in Bookie : e \notin w[b] THEN 0 ELSE t[e]]]

(* Client c sends its next entry to its write set.  The adds of the writer *)
(* tell its LAC.  Those of a recovery do not: an entry that it knows to be *)
(* on an ack quorum may be so in an ensemble of its own, of which nobody   *)
(* knows when it is given up.                                              *)
Ask(c) ==
  LET e == sent[c] + 1
      S == WriteSet(Last(chain[c]).ensemble, e)
  IN  /\ sent' = [sent EXCEPT ![c] = e]
      /\ told' = [told EXCEPT ![c][e] =
           IF c = Writer \/ Bug = "tell-own-lac" THEN acked[c] ELSE @]
      /\ waiting' = [waiting EXCEPT ![c] =
           [b \in Bookie |-> IF b \in S THEN @[b] \cup {e} ELSE @[b]]]

(* The writer sends the next entry.  It does not wait for those before. *)
Send ==
  /\ phase[Writer] = "writing" /\ sent[Writer] < MaxEntry
  /\ Ask(Writer)
  /\ UNCHANGED <<meta, disks, acked, chain, answered, phase, from, reads, heard, said, changes, wipes>>

Keep(c, e, b) ==
  /\ e \in waiting[c][b]
  /\ entries' = [entries EXCEPT ![b] = @ \cup {e}]
  /\ lac' = [lac EXCEPT ![b] = Max({@, told[c][e]})]
  /\ waiting' = [waiting EXCEPT ![c][b] = @ \ {e}]
  /\ LET counts == b \in WriteSet(EnsembleOf(chain[c], e), e)
         a == [answered[c] EXCEPT ![b] = IF counts THEN @ \cup {e} ELSE @]
     IN  Settle(c, waiting'[c], a, acked[c], told[c])
  /\ UNCHANGED <<meta, fenced, limbo, sent, acked, chain, phase, from, reads, heard, said, changes, wipes>>

(* An add of the writer reaches a bookie that is not fenced. *)
Store(e, b) == ~fenced[b] /\ Keep(Writer, e, b)

OnAckQuorum(c, e) ==
  Cardinality({b \in WriteSet(EnsembleOf(chain[c], e), e) : e \in answered[c][b]}) >= AQ

(* The LAC passes an entry, after all those below. *)
Acknowledge(e) ==
  /\ phase[Writer] = "writing" /\ acked[Writer] < e /\ e <= sent[Writer]
  /\ (Bug # "acknowledge-around") => e = acked[Writer] + 1
  /\ OnAckQuorum(Writer, e)
  /\ acked' = [acked EXCEPT ![Writer] = e]
  /\ Settle(Writer, waiting[Writer], answered[Writer], e, told[Writer])
  /\ UNCHANGED <<meta, disks, sent, chain, waiting, phase, from, reads, heard, said, changes, wipes>>

(* Client c puts bookie o in the place of b, which leaves it waiting for   *)
(* an entry above the LAC, and sends o what is above the LAC.  The         *)
(* fragment that begins there is written over.                             *)
Exchange(c, b, o) ==
  LET cur == Last(chain[c])
      i   == CHOOSE j \in 1..E : cur.ensemble[j] = b
      new == [first |-> acked[c] + 1, ensemble |-> [cur.ensemble EXCEPT ![i] = o]]
      n   == IF cur.first = acked[c] + 1 THEN Len(chain[c]) - 1 ELSE Len(chain[c])
      pending == (acked[c]+1)..sent[c]
  IN  /\ changes < MaxChanges
      /\ b \in Members(cur.ensemble) /\ o \notin Members(cur.ensemble)
      /\ \E e \in pending : b \in WriteSet(cur.ensemble, e) /\ e \in waiting[c][b]
      /\ chain' = [chain EXCEPT ![c] = SubSeq(@, 1, n) \o <<new>>]
      /\ answered' = [answered EXCEPT ![c][b] = {}]
      /\ waiting' = [waiting EXCEPT ![c][o] =
           @ \cup {e \in pending : o \in WriteSet(new.ensemble, e)}]
      /\ changes' = changes + 1

(* The writer changes the ensemble.  The metadata has the new one, by      *)
(* compare-and-set, before the writer uses it.                             *)
Change(b, o) ==
  /\ phase[Writer] = "writing"
  /\ (Bug # "change-unrecorded") => status = "open"
  /\ Exchange(Writer, b, o)
  /\ fragments' = IF Bug = "change-unrecorded" THEN fragments ELSE chain'[Writer]
  /\ UNCHANGED <<status, last, owner, disks, sent, acked, told, phase, from, reads, heard, said, wipes>>

(* What client c has under way when it has closed the ledger could only    *)
(* add copies, of which nobody asks.                                       *)
Drop(c) ==
  /\ told' = [told EXCEPT ![c] = [e \in Entry |-> 0]]
  /\ waiting' = [waiting EXCEPT ![c] = Nothing]
  /\ answered' = [answered EXCEPT ![c] = Nothing]

(* The writer closes its ledger at the LAC. *)
Close ==
  /\ phase[Writer] = "writing" /\ status = "open"
  /\ phase' = [phase EXCEPT ![Writer] = "done"]
  /\ status' = "closed" /\ last' = acked[Writer]
  /\ Drop(Writer)
  /\ UNCHANGED <<owner, fragments, disks, sent, acked, chain, from, reads, heard, said, changes, wipes>>

-----------------------------------------------------------------------------
(* A recovery that does not know yet that the ledger is closed could only  *)
(* fence and add copies, unless it closes once more.                       *)
Over == status = "closed" /\ Bug # "close-blindly"

(* Client r takes the writer, or another recoverer, for dead.  What is in  *)
(* the fragments before the last is on an ack quorum.                      *)
Recover(r) ==
  /\ phase[r] = "idle" /\ status # "closed"
  /\ status' = "recovery" /\ owner' = r
  /\ phase' = [phase EXCEPT ![r] = "fencing"]
  /\ chain' = [chain EXCEPT ![r] = fragments]
  /\ from' = [from EXCEPT ![r] = Last(fragments).first]
  /\ reads' = [reads EXCEPT ![r] = Last(fragments).ensemble]
  /\ acked' = [acked EXCEPT ![r] =
       IF Bug = "read-from-start" THEN 0 ELSE Last(fragments).first - 1]
  /\ UNCHANGED <<last, fragments, disks, sent, told, waiting, answered, heard, said, changes, wipes>>

(* Bookie b takes no more adds of the writer, and r hears of it. *)
Fence(r, b) ==
  /\ ~Over /\ phase[r] = "fencing"
  /\ b \in Members(reads[r]) \ heard[r]
  /\ fenced' = [fenced EXCEPT ![b] = TRUE]
  /\ heard' = [heard EXCEPT ![r] = @ \cup {b}]
  /\ acked' = [acked EXCEPT ![r] = Max({@, lac[b]})]
  /\ UNCHANGED <<meta, entries, lac, limbo, sent, told, chain, waiting, answered, phase, from, reads, said, changes, wipes>>

(* Bookie b is fenced, and nobody hears of it, or too late.  So does a     *)
(* recovery read that comes late.                                          *)
FenceUnheard(b) ==
  /\ ~Over /\ ~fenced[b]
  /\ b \in UNION {Members(reads[r]) : r \in Recoverer}
  /\ fenced' = [fenced EXCEPT ![b] = TRUE]
  /\ UNCHANGED <<meta, entries, lac, limbo, adds, phase, from, reads, heard, said, changes, wipes>>

(* No ack quorum is left that may be unfenced: r begins to read behind the *)
(* highest LAC that it heard of.                                           *)
Read(r) ==
  /\ ~Over /\ phase[r] = "fencing"
  /\ \A e \in 1..E : Cardinality(WriteSet(reads[r], e) \ heard[r]) < AQ
  /\ phase' = [phase EXCEPT ![r] = "reading"]
  /\ sent' = [sent EXCEPT ![r] = acked[r]]
  /\ heard' = [heard EXCEPT ![r] = {}]
  /\ UNCHANGED <<meta, disks, acked, told, chain, waiting, answered, from, reads, said, changes, wipes>>

(* Whom r asks for the entry that it reads next: the ensemble that the     *)
(* metadata had when r began.  New members have only what r wrote back.    *)
ReadSet(r) ==
  LET e == sent[r] + 1
  IN  WriteSet(IF e < from[r] \/ Bug = "read-new-ensemble" THEN EnsembleOf(chain[r], e)
                                                           ELSE reads[r], e)

(* Bookie b answers, and fences the ledger by it: that there is no such    *)
(* entry must stay true.  One that came back empty cannot know.            *)
Answer(r, b) ==
  /\ ~Over /\ phase[r] = "reading" /\ said[r][b] = "silent"
  /\ b \in ReadSet(r)
  /\ said' = [said EXCEPT ![r][b] = IF sent[r] + 1 \in entries[b] THEN "yes"
                                    ELSE IF limbo[b] THEN "unknown" ELSE "no"]
  /\ fenced' = [fenced EXCEPT ![b] = @ \/ Bug # "read-unfenced"]
  /\ UNCHANGED <<meta, entries, lac, limbo, adds, phase, from, reads, heard, changes, wipes>>

Saying(r, a) == {b \in Bookie : said[r][b] = a}
Forget(r) == said' = [said EXCEPT ![r] = [b \in Bookie |-> "silent"]]

(* One bookie has the entry: r writes it back, and reads on. *)
Found(r) ==
  /\ ~Over /\ phase[r] = "reading" /\ Saying(r, "yes") # {}
  /\ Forget(r) /\ Ask(r)
  /\ UNCHANGED <<meta, disks, acked, chain, answered, phase, from, reads, heard, changes, wipes>>

(* So many bookies lack the entry that no ack quorum can have it.  Answers *)
(* that say otherwise may still be under way.                              *)
Missing(r) ==
  /\ ~Over /\ phase[r] = "reading"
  /\ Cardinality(Saying(r, "no")) >= (IF Bug = "one-no" THEN 1 ELSE WQ - AQ + 1)
  /\ Forget(r)
  /\ phase' = [phase EXCEPT ![r] = "ended"]
  /\ UNCHANGED <<meta, disks, adds, from, reads, heard, changes, wipes>>

(* An add of r reaches bookie b, fenced or not. *)
WriteBack(r, e, b) == ~Over /\ Keep(r, e, b)

Confirm(r) ==
  /\ ~Over /\ phase[r] \in {"reading", "ended"} /\ acked[r] < sent[r]
  /\ OnAckQuorum(r, acked[r] + 1)
  /\ acked' = [acked EXCEPT ![r] = @ + 1]
  /\ Settle(r, waiting[r], answered[r], acked[r] + 1, told[r])
  /\ UNCHANGED <<meta, disks, sent, chain, waiting, phase, from, reads, heard, said, changes, wipes>>

Current(r) == status = "recovery" /\ owner = r

(* As Change, of a recoverer, which tells nobody until it closes: another  *)
(* recoverer must read from where the writer wrote.                        *)
Replace(r, b, o) ==
  /\ ~Over /\ phase[r] \in {"reading", "ended"}
  /\ (Bug = "change-in-metadata") => Current(r)
  /\ Exchange(r, b, o)
  /\ fragments' = IF Bug = "change-in-metadata" THEN chain'[r] ELSE fragments
  /\ UNCHANGED <<status, last, owner, disks, sent, acked, told, phase, from, reads, heard, said, wipes>>

(* All that r read is on an ack quorum again: it closes the ledger, with   *)
(* its own fragments, if the metadata is as it left it.                    *)
Seal(r) ==
  /\ phase[r] = "ended"
  /\ (Bug # "close-unwritten") => acked[r] = sent[r]
  /\ (Bug # "close-blindly") => Current(r)
  /\ phase' = [phase EXCEPT ![r] = "done"]
  /\ status' = "closed" /\ last' = sent[r] /\ owner' = r /\ fragments' = chain[r]
  /\ Drop(r)
  /\ UNCHANGED <<disks, sent, acked, chain, from, reads, heard, said, changes, wipes>>

(* Bookie b loses its disks and comes back under its name.  It does not    *)
(* know what it had promised and stored: the ledger is fenced and in limbo.*)
Wipe(b) ==
  /\ wipes < MaxWipes
  /\ wipes' = wipes + 1
  /\ entries' = [entries EXCEPT ![b] = {}]
  /\ lac' = [lac EXCEPT ![b] = 0]
  /\ limbo' = [limbo EXCEPT ![b] = Bug # "empty-says-no"]
  /\ fenced' = [fenced EXCEPT ![b] = Bug \notin {"empty-says-no", "limbo-unfenced"}]
  /\ UNCHANGED <<meta, adds, phase, from, reads, heard, said, changes>>

Next ==
  \/ Send \/ Close
  \/ \E e \in Entry : Acknowledge(e) \/ \E b \in Bookie : Store(e, b)
  \/ \E b, o \in Bookie : Change(b, o)
  \/ \E r \in Recoverer :
       \/ Recover(r) \/ Read(r) \/ Found(r) \/ Missing(r) \/ Confirm(r) \/ Seal(r)
       \/ \E b \in Bookie : \/ Fence(r, b) \/ Answer(r, b)
                            \/ \E e \in Entry : WriteBack(r, e, b)
                            \/ \E o \in Bookie : Replace(r, b, o)
  \/ \E b \in Bookie : FenceUnheard(b) \/ Wipe(b)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
Chains == {fragments} \cup {chain[c] : c \in Client}

TypeOK ==
  /\ status \in {"open", "recovery", "closed"} /\ last \in 0..MaxEntry /\ owner \in Client
  /\ changes \in 0..MaxChanges /\ wipes \in 0..MaxWipes
  /\ \A c \in Client :
       /\ phase[c] \in {"idle", "fencing", "reading", "ended", "done"} \cup (IF c = Writer THEN {"writing"} ELSE {})
       /\ sent[c] \in 0..MaxEntry
       /\ (phase[c] \notin {"idle", "fencing"}) => acked[c] <= sent[c]
       /\ \A b \in Bookie : waiting[c][b] \cap answered[c][b] = {}
  /\ \A r \in Recoverer, b \in Bookie :
       said[r][b] \in Word /\ (said[r][b] # "silent" => phase[r] = "reading")
  /\ \A fs \in Chains : \A i \in DOMAIN fs : fs[i].ensemble \in Ensembles

Copies(e) == Cardinality({b \in WriteSet(EnsembleOf(fragments, e), e) : e \in entries[b]})
Kept(n) == \A e \in 1..n : Copies(e) >= AQ - wipes

(* A closed ledger has every entry that was acknowledged. *)
Durable == status = "closed" => acked[Writer] <= last

(* An acknowledged entry is on an ack quorum of its write set, less the    *)
(* bookies that came back empty.                                           *)
Stored == Kept(acked[Writer])

(* So is each entry of a closed ledger. *)
Readable == status = "closed" => Kept(last)

(* No entry is missing at or below the LAC that a bookie tells. *)
NoGap == Kept(Max({lac[b] : b \in Bookie}))

(* All clients that have closed a ledger closed it at the same entry. *)
Agreed ==
  \A c \in Client : phase[c] = "done" => last = IF c = Writer THEN acked[c] ELSE sent[c]

(* Each fragment begins behind the one before. *)
InOrder == \A fs \in Chains : \A i \in 2..Len(fs) : fs[i-1].first < fs[i].first
=============================================================================
