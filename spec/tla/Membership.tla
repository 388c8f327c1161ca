----------------------------- MODULE Membership -----------------------------
(***************************************************************************)
(* Who belongs to one protection group, while that changes.  Segments are  *)
(* replaced before they are known to be dead, so a change can be taken     *)
(* back, and a second one can begin before the first has ended (SIGMOD     *)
(* 2018, section 4.1).                                                     *)
(*                                                                         *)
(* A membership is a set of quorum sets.  To replace F by G in ABCDEF, the *)
(* next epoch has the two sets ABCDEF and ABCDEG, and the one after it has *)
(* ABCDEG alone (forward) or ABCDEF alone (back).  If E fails meanwhile    *)
(* and H shall replace it, there are four: ABCDEF, ABCDEG, ABCDFH, ABCDGH. *)
(* A write needs a write quorum of every set.  A read needs a read quorum  *)
(* of one of them, and that is where the paper is wrong: a record that was *)
(* written to ABCF before the change is not found on D, E and an empty G.  *)
(* Here a newcomer has no vote until it is filled: until it has copied     *)
(* from a read quorum of the membership before it came, each of which had  *)
(* learnt of the change by then and so stores nothing of before any more.  *)
(*                                                                         *)
(* When a zone is lost and one more segment with it, the three that are    *)
(* left are no write quorum, and cannot agree to a change in this way.     *)
(* They are a read quorum, though.  Told of a smaller group, they let no   *)
(* writer of the old one complete anything; but a read quorum of the       *)
(* smaller group can miss what the old one wrote, so none of its members   *)
(* has a vote until it is filled.  The way back is the same.               *)
(*                                                                         *)
(* The register of the control plane has the memberships of all epochs,    *)
(* and each is one compare-and-swap.  Everyone else learns of them late.   *)
(* Delay, loss, duplication and reordering of messages, and failures of    *)
(* segments, are all present because a step that a message would enable    *)
(* may happen now, later or never.                                         *)
(*                                                                         *)
(* Records 1..MaxLSN are there from the start, and each segment has those  *)
(* up to its SCL: gaps, cuts and new writers are Volume's.  Peers copy     *)
(* only to fill; gossip between voters could do no more than Store does.   *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS
  Steady,         \* slots whose segment nobody doubts
  Zone,           \* slots in the zone that may be lost as a whole
  Doubtful,       \* slots whose segment may be replaced by another
  W, R,           \* write and read quorum of a set that has all the slots
  ShortW, ShortR, \* the same of a set without the zone
  MaxLSN,         \* records of the log
  MaxEpoch,       \* memberships, the first one included
  StaleReads,     \* TRUE: a reader may trust a membership that it once
                  \*  learnt, FALSE: it asks the register each time
  Bug             \* "none", or the name of the one guard that is broken

Slot    == Steady \cup Zone \cup Doubtful
Epoch   == 1..MaxEpoch
Founder == Slot \X {1}
Spare   == Doubtful \X {2}
Segment == Founder \cup Spare

VARIABLES
  sets,       \* the register: [1..epoch -> the quorum sets of that epoch]
  writer,     \* the epoch whose membership the writer goes by
  known,      \* [Segment -> the newest epoch it has learnt of]
  scl,        \* [Segment -> segment complete LSN]
  told,       \* [Segment -> the SCL that it has last acknowledged to the
              \*  writer]
  copied,     \* [Segment -> those that it has copied from, to be filled]
  filled,     \* [Segment -> the epoch since which it was a member, when it
              \*  was last filled; 1 for founders, 0 for never]
  pgcl        \* protection group complete LSN, as the writer knows it

vars == <<sets, writer, known, scl, told, copied, filled, pgcl>>

-----------------------------------------------------------------------------
Min(S) == CHOOSE x \in S : \A y \in S : x <= y
epoch  == Len(sets)

Short(M) == Cardinality(M) < Cardinality(Slot)
Write(M) == IF Short(M) THEN ShortW ELSE W
Read(M)  == IF Short(M) THEN ShortR ELSE R

Members(e)    == UNION sets[e]
Single(e)     == Cardinality(sets[e]) = 1
IsWrite(e, S) ==
  LET met == {M \in sets[e] : Cardinality(S \cap M) >= Write(M)}
  IN  IF Bug = "write-either-set" THEN met # {} ELSE met = sets[e]
IsRead(e, S)  == {M \in sets[e] : Cardinality(S \cap M) >= Read(M)} # {}

(* The epoch since which s is a member, with quorums of the same sizes; no *)
(* epoch up to e when it is none in e.                                     *)
Shrunk(e)    == \A M \in sets[e] : Short(M)
Joined(e, s) == Min({e + 1} \cup {d \in 1..e :
                  \A x \in d..e : s \in Members(x) /\ Shrunk(x) = Shrunk(e)})

(* Whose answers count when e is read. *)
Votes(e, s) ==
  CASE Bug = "vote-at-once"                                 -> TRUE
    [] Bug \in {"direct-swap", "unfilled-vote"} /\ Single(e) -> TRUE
    [] Bug = "filled-once"                                  -> filled[s] > 0
    [] OTHER                                                -> filled[s] >= Joined(e, s)
Voters(e) == {s \in Members(e) : Votes(e, s)}

(* Enough segments know of e for the membership before it to be over.  For *)
(* a smaller group a read quorum must do, as there may be no more left: it *)
(* ends all writing by the old membership, but not all reading.            *)
Installed(e) ==
  IF e = 1 \/ Bug = "use-uninstalled" THEN TRUE
  ELSE LET S == {s \in Segment : known[s] >= e}
       IN  IF Shrunk(e) \/ Bug = "install-at-read-quorum"
           THEN IsRead(e - 1, S) ELSE IsWrite(e - 1, S)

-----------------------------------------------------------------------------
Init ==
  /\ sets   = <<{Founder}>>
  /\ writer = 1
  /\ known  = [s \in Segment |-> 1]
  /\ scl    = [s \in Segment |-> 0]
  /\ told   = [s \in Segment |-> 0]
  /\ copied = [s \in Segment |-> {}]
  /\ filled = [s \in Segment |-> IF s \in Founder THEN 1 ELSE 0]
  /\ pgcl   = 0

(* A segment and a writer that go by the same membership hear each other. *)
Tell == told' = [s \in Segment |-> IF known'[s] = writer' THEN scl'[s] ELSE told[s]]

(* Segment s makes the next record durable and acknowledges it.  It        *)
(* refuses a writer that does not go by the membership that it knows.      *)
Store(s) ==
  /\ s \in Members(writer) /\ scl[s] < MaxLSN
  /\ IF Bug = "store-stale" THEN known[s] >= writer ELSE known[s] = writer
  /\ scl'  = [scl  EXCEPT ![s] = @ + 1]
  /\ told' = [told EXCEPT ![s] = scl[s] + 1]
  /\ UNCHANGED <<sets, writer, known, copied, filled, pgcl>>

(* The writer learns that the next record is complete.  What it was told   *)
(* counts, whatever those who told it have learnt since.                   *)
Advance ==
  /\ pgcl < MaxLSN
  /\ LET S == {s \in Segment : told[s] > pgcl}
     IN  IF Bug = "count-all" THEN Cardinality(S) >= W ELSE IsWrite(writer, S)
  /\ pgcl' = pgcl + 1
  /\ UNCHANGED <<sets, writer, known, scl, told, copied, filled>>

-----------------------------------------------------------------------------
(* The control plane.  It waits for one change to be installed before the  *)
(* next, or those who missed the first could outnumber those who have      *)
(* learnt of the second.                                                   *)
Change(S) ==
  /\ epoch < MaxEpoch /\ Installed(epoch)
  /\ sets' = Append(sets, S)
  /\ UNCHANGED <<writer, known, scl, told, copied, filled, pgcl>>

(* The segment x of slot i may be dead: y shall take its place. *)
Suspect(i) ==
  \E n \in 1..2 :
    LET x == <<i, n>>
        y == <<i, 3 - n>>
        swapped == {(M \ {x}) \cup {y} : M \in sets[epoch]}
    IN  /\ x \in Members(epoch) /\ y \notin Members(epoch)
        /\ Change(IF Bug = "direct-swap" THEN swapped ELSE sets[epoch] \cup swapped)

(* y is filled, so x can go. *)
Forward(i) ==
  \E n \in 1..2 :
    LET x == <<i, n>>
        y == <<i, 3 - n>>
    IN  /\ {x, y} \subseteq Members(epoch) /\ Joined(epoch, x) < Joined(epoch, y)
        /\ IF Bug = "unfilled-vote" THEN TRUE ELSE y \in Voters(epoch)
        /\ Change({M \in sets[epoch] : x \notin M})

(* x is well, so y can go. *)
Back(i) ==
  \E n \in 1..2 :
    LET x == <<i, n>>
        y == <<i, 3 - n>>
    IN  /\ {x, y} \subseteq Members(epoch) /\ Joined(epoch, x) < Joined(epoch, y)
        /\ Change({M \in sets[epoch] : y \notin M})

(* The zone is lost: go on without it. *)
Shrink ==
  /\ Zone # {} /\ Single(epoch) /\ ~Shrunk(epoch)
  /\ Change({M \ (Zone \X {1}) : M \in sets[epoch]})

(* The zone is back. *)
Grow ==
  /\ Single(epoch) /\ Shrunk(epoch)
  /\ Change({M \cup (Zone \X {1}) : M \in sets[epoch]})

-----------------------------------------------------------------------------
(* Segment s learns of epoch e, and from now on serves no older one. *)
Install(e, s) ==
  /\ e <= epoch /\ known[s] < e
  /\ s \in Members(e) \cup Members(e - 1)
  /\ known'  = [known  EXCEPT ![s] = e]
  /\ copied' = [copied EXCEPT ![s] = IF Joined(e, s) <= known[s] THEN @ ELSE {}]
  /\ UNCHANGED <<sets, writer, scl, filled, pgcl>> /\ Tell

(* The writer learns of epoch e. *)
Learn(e) ==
  /\ writer < e /\ e <= epoch /\ Installed(e)
  /\ writer' = e
  /\ UNCHANGED <<sets, known, scl, copied, filled, pgcl>> /\ Tell

(* Segment s is a member, and has no vote yet.  It has enough when it has  *)
(* what a read quorum had, itself included if it was a member before.      *)
Unfilled(s) == s \in Members(known[s]) /\ filled[s] < Joined(known[s], s)
Enough(s)   ==
  LET j == Joined(known[s], s)
  IN  IF Bug = "single-source" THEN copied[s] # {}
      ELSE IsRead(j - 1, copied[s] \cup ({s} \cap Voters(j - 1)))

(* Segment s copies what r has.  r must have a vote, and know that s has   *)
(* joined: if it did not, it could go on to store what a writer of before  *)
(* then counts as complete.                                                *)
Copy(s, r) ==
  /\ Unfilled(s) /\ ~Enough(s) /\ r # s /\ r \notin copied[s]
  /\ LET j == Joined(known[s], s)
     IN  /\ r \in (IF Bug = "copy-from-newcomer" THEN Members(j) ELSE Voters(j - 1))
         /\ IF Bug = "copy-unfenced" THEN TRUE ELSE known[r] >= j
  /\ scl'    = [scl    EXCEPT ![s] = IF scl[r] > @ THEN scl[r] ELSE @]
  /\ copied' = [copied EXCEPT ![s] = @ \cup {r}]
  /\ UNCHANGED <<sets, writer, known, filled, pgcl>> /\ Tell

(* From now on s has a vote. *)
Fill(s) ==
  /\ Unfilled(s) /\ Enough(s)
  /\ filled' = [filled EXCEPT ![s] = Joined(known[s], s)]
  /\ copied' = [copied EXCEPT ![s] = {}]
  /\ UNCHANGED <<sets, writer, known, scl, told, pgcl>>

Next ==
  \/ \E s \in Segment : Store(s)
  \/ Advance
  \/ \E i \in Doubtful : Suspect(i) \/ Forward(i) \/ Back(i)
  \/ Shrink \/ Grow
  \/ \E e \in Epoch, s \in Segment : Install(e, s)
  \/ \E e \in Epoch : Learn(e)
  \/ \E s, r \in Segment : Copy(s, r)
  \/ \E s \in Segment : Fill(s)

Spec == Init /\ [][Next]_vars

(* Slots of one kind are interchangeable, with their segments. *)
Symmetry == {p @@ q @@ r : p \in Permutations(Steady), q \in Permutations(Zone),
                           r \in Permutations(Doubtful)}

-----------------------------------------------------------------------------
TypeOK ==
  /\ epoch \in Epoch /\ writer \in 1..epoch /\ pgcl \in 0..MaxLSN
  /\ \A e \in 1..epoch : sets[e] # {} /\ sets[e] \subseteq SUBSET Segment
  /\ \A s \in Segment :
       /\ known[s] \in 1..epoch /\ scl[s] \in 0..MaxLSN /\ told[s] \in 0..scl[s]
       /\ filled[s] \in 0..known[s] /\ copied[s] \subseteq Segment \ {s}

(* Those that lack a complete record and still answer a reader of epoch e. *)
Lacking(e) == {s \in Voters(e) : known[s] <= e /\ scl[s] < pgcl}

(* Whoever asks the register finds every complete record, whichever read   *)
(* quorum answers: those that lack one are never enough for a read quorum. *)
Durable == ~IsRead(epoch, Lacking(epoch))

(* So does a reader that has missed changes, if it finds a read quorum of  *)
(* its old membership that has missed them, too.                           *)
FreshRead ==
  StaleReads => \A e \in 1..(epoch - 1) : ~IsRead(e, Lacking(e))

(* Where all members have a vote, every complete record is on a write      *)
(* quorum again, and the group bears as many failures as it was made for.  *)
CompleteIsStored ==
  Voters(epoch) = Members(epoch) =>
    \A M \in sets[epoch] : Cardinality({s \in M : scl[s] >= pgcl}) >= Write(M)
=============================================================================
