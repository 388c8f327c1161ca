------------------------------- MODULE Quorum -------------------------------
(***************************************************************************)
(* One register, kept on replicas.  A write is sent to all of them and     *)
(* waits for W to store it; a read asks all of them, waits for R answers,  *)
(* and takes the one with the highest version.  Nobody votes: of the R     *)
(* answers only one may be new.  Whoever does not reach enough replicas    *)
(* goes on trying.                                                         *)
(*                                                                         *)
(* A version is a counter and, to tell writers with the same counter       *)
(* apart, the writer.  A writer that is alone counts on its own; several   *)
(* first ask replicas how far the counter is.  A read that writes back     *)
(* stores what it is about to return on W replicas before it returns.      *)
(*                                                                         *)
(* Messages are not there to be seen: a step that a message would enable   *)
(* may happen now, later or never, so they may be slow, lost, doubled and  *)
(* overtaken.  A replica that is down is one that takes no steps, and so   *)
(* is a client that has crashed.                                           *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, TLC

CONSTANTS
  Replica,      \* set of replicas
  W, R,         \* write and read quorum
  Writers,      \* clients 1..Writers write
  Writes,       \* how often each of them
  Readers,      \* the clients after them read
  Reads,        \* how often each of them
  VersionsFrom, \* "own": a writer counts its own writes and asks nobody;
                \* "write-quorum", "read-quorum": it first asks W, or R, replicas
  WritesBack,   \* TRUE: a read stores what it returns on W replicas first
  Bug           \* "none", or the name of the one guard that is broken

Client == 1..(Writers + Readers)
Write  == {<<c, k>> : c \in 1..Writers, k \in 1..Writes}
Read   == {<<c, k>> : c \in (Writers+1)..(Writers+Readers), k \in 1..Reads}
Op     == Write \cup Read     \* operation k of client c

(* A value is named by the write that brought it. *)
Initial == <<0, 0>>           \* what the register holds before any write
Value   == Write \cup {Initial}
None    == <<>>

VARIABLES
  stage,      \* [Op -> "unborn" | "asking" | "storing" | "ended"]
  before,     \* [Op -> the operations that had ended when it began]
  count,      \* [Value -> the counter of its version, 0 while it has none]
  value,      \* [Read -> the value that it has settled on, or None]
  told,       \* [Client -> [Replica -> the value that the replica has told to
              \*  the client, or None]], of the operation that is asking
  stored,     \* [Client -> the replicas that have acknowledged to it], of the
              \*  operation that is storing
  holds       \* [Replica -> the value that it holds]

vars == <<stage, before, count, value, told, stored, holds>>

Symmetry == Permutations(Replica)

-----------------------------------------------------------------------------
Max(S) == CHOOSE x \in S : \A y \in S : y <= x
Ended  == {o \in Op : stage[o] = "ended"}
Begun  == {o \in Write : stage[o] # "unborn"}

(* The version of a is higher than that of b. *)
Newer(a, b) ==
  \/ count[a] > count[b]
  \/ count[a] = count[b] /\ a[1] > b[1] /\ Bug # "version-without-writer"

(* How many answers o waits for. *)
Ask(o) ==
  IF o \in Read THEN IF Bug = "short-read-quorum" THEN R - 1 ELSE R
  ELSE CASE VersionsFrom = "own"          -> 0
         [] VersionsFrom = "write-quorum" -> W
         [] VersionsFrom = "read-quorum"  -> R

(* Those who have answered o, and what they said. *)
Answered(o) == {r \in Replica : told[o[1]][r] # None}
Answers(o)  == {told[o[1]][r] : r \in Answered(o)}
Votes(o, v) == Cardinality({r \in Replica : told[o[1]][r] = v})

(* The values that a read may settle on: the one with the highest version. *)
(* There are several only under a bug.                                     *)
Best(o) ==
  {v \in Answers(o) : \A u \in Answers(o) :
     IF Bug = "vote" THEN Votes(o, v) >= Votes(o, u) ELSE ~Newer(u, v)}

(* The counter of write o is above every one that its writer knows. *)
Counter(o, answers) ==
  1 + Max({0} \cup {count[v] : v \in answers}
              \cup {count[v] : v \in {u \in Write :
                      u[1] = o[1] /\ u[2] < o[2] /\ Bug # "count-restarts"}})

(* Replica r gets value v, and takes it if it is newer than its own. *)
Takes(r, v, blind) == IF blind THEN holds[r] # v ELSE Newer(v, holds[r])
Keep(r, v, blind)  == holds' = [holds EXCEPT ![r] = IF Takes(r, v, blind) THEN v ELSE @]

-----------------------------------------------------------------------------
Init ==
  /\ stage  = [o \in Op |-> "unborn"]
  /\ before = [o \in Op |-> {}]
  /\ count  = [v \in Value |-> 0]
  /\ value  = [o \in Read |-> None]
  /\ told   = [c \in Client |-> [r \in Replica |-> None]]
  /\ stored = [c \in Client |-> {}]
  /\ holds  = [r \in Replica |-> Initial]

Begin(o, next) ==         \* a client's operations come one after the other
  /\ stage[o] = "unborn"
  /\ \A p \in Op : p[1] = o[1] /\ p[2] < o[2] => stage[p] = "ended"
  /\ stage'  = [stage  EXCEPT ![o] = next]
  /\ before' = [before EXCEPT ![o] = Ended]

(* A writer begins to write.  One that asks nobody has its version at once. *)
BeginWrite(o) ==
  /\ o \in Write
  /\ Begin(o, IF Ask(o) = 0 THEN "storing" ELSE "asking")
  /\ count' = IF Ask(o) = 0 THEN [count EXCEPT ![o] = Counter(o, {})] ELSE count
  /\ UNCHANGED <<value, told, stored, holds>>

(* Replica r tells the client what it holds. *)
Tell(o, r) ==
  /\ stage[o] = "asking"
  /\ r \notin Answered(o) /\ Cardinality(Answered(o)) < Ask(o)
  /\ told' = [told EXCEPT ![o[1]][r] = holds[r]]
  /\ UNCHANGED <<stage, before, count, value, stored, holds>>

Heard(o) ==               \* o has its answers; they are not needed any longer
  /\ stage[o] = "asking" /\ Cardinality(Answered(o)) = Ask(o)
  /\ told' = [told EXCEPT ![o[1]] = [r \in Replica |-> None]]

(* A writer that has its answers gives its write a version. *)
Number(o) ==
  /\ o \in Write /\ Heard(o)
  /\ stage' = [stage EXCEPT ![o] = "storing"]
  /\ count' = [count EXCEPT ![o] = Counter(o, Answers(o))]
  /\ UNCHANGED <<before, value, stored, holds>>

(* Write o reaches replica r, which acknowledges it once it is durable, its *)
(* own value or a newer one.  It may also come late, to a replica that the  *)
(* writer did not wait for.                                                 *)
Store(o, r) ==
  LET blind == Bug = "take-older" IN
  /\ o \in Write
  /\ IF stage[o] = "storing" /\ r \notin stored[o[1]] THEN TRUE
     ELSE stage[o] \in {"storing", "ended"} /\ Takes(r, o, blind)
  /\ Keep(r, o, blind)
  /\ stored' = IF stage[o] = "storing" THEN [stored EXCEPT ![o[1]] = @ \cup {r}] ELSE stored
  /\ UNCHANGED <<stage, before, count, value, told>>

End(o, n) ==              \* n replicas have acknowledged
  /\ stage[o] = "storing" /\ Cardinality(stored[o[1]]) >= n
  /\ stage'  = [stage  EXCEPT ![o] = "ended"]
  /\ stored' = [stored EXCEPT ![o[1]] = {}]

(* The client is told that its write is done. *)
EndWrite(o) ==
  /\ o \in Write
  /\ End(o, IF Bug = "short-write-quorum" THEN W - 1 ELSE W)
  /\ UNCHANGED <<before, count, value, told, holds>>

-----------------------------------------------------------------------------
BeginRead(o) ==
  /\ o \in Read
  /\ Begin(o, "asking")
  /\ UNCHANGED <<count, value, told, stored, holds>>

(* A read that writes back settles on a value when it has its answers ... *)
Choose(o) ==
  /\ o \in Read /\ WritesBack /\ Heard(o)
  /\ \E v \in Best(o) : value' = [value EXCEPT ![o] = v]
  /\ stage' = [stage EXCEPT ![o] = "storing"]
  /\ UNCHANGED <<before, count, stored, holds>>

(* ... stores it ... *)
WriteBack(o, r) ==
  /\ o \in Read /\ stage[o] = "storing" /\ r \notin stored[o[1]]
  /\ Keep(r, value[o], Bug = "write-back-blind")
  /\ stored' = [stored EXCEPT ![o[1]] = @ \cup {r}]
  /\ UNCHANGED <<stage, before, count, value, told>>

(* ... and returns it.  One that does not write back returns it at once. *)
EndRead(o) ==
  /\ o \in Read
  /\ \/ /\ WritesBack
        /\ End(o, IF Bug = "short-write-back" THEN W - 1 ELSE W)
        /\ UNCHANGED <<before, count, value, told, holds>>
     \/ /\ ~WritesBack /\ Heard(o)
        /\ \E v \in Best(o) : value' = [value EXCEPT ![o] = v]
        /\ stage' = [stage EXCEPT ![o] = "ended"]
        /\ UNCHANGED <<before, count, stored, holds>>

-----------------------------------------------------------------------------
(* Present only under the bug of that name. *)
Amnesia(r) ==             \* r loses its disk and comes back as if nothing happened
  /\ Bug = "amnesia" /\ holds[r] # Initial
  /\ holds' = [holds EXCEPT ![r] = Initial]
  /\ UNCHANGED <<stage, before, count, value, told, stored>>
AckEarly(o, r) ==         \* r acknowledges o before it is durable
  /\ Bug = "ack-before-durable"
  /\ o \in Write /\ stage[o] = "storing" /\ r \notin stored[o[1]]
  /\ stored' = [stored EXCEPT ![o[1]] = @ \cup {r}]
  /\ UNCHANGED <<stage, before, count, value, told, holds>>

Next ==
  \/ \E o \in Op :
       \/ BeginWrite(o) \/ Number(o) \/ EndWrite(o)
       \/ BeginRead(o) \/ Choose(o) \/ EndRead(o)
       \/ \E r \in Replica :
            Tell(o, r) \/ Store(o, r) \/ WriteBack(o, r) \/ AckEarly(o, r)
  \/ \E r \in Replica : Amnesia(r)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
TypeOK ==
  /\ \A o \in Op : o \notin before[o] /\ before[o] \subseteq Ended
  /\ \A o \in Write : count[o] > 0 <=> stage[o] \in {"storing", "ended"}
  /\ \A o \in Read : value[o] # None <=> stage[o] \in {"storing", "ended"}
  /\ \A r \in Replica : holds[r] # Initial => count[holds[r]] > 0
  /\ \A c \in Client : \A r \in stored[c] : \E o \in Op : o[1] = c /\ stage[o] = "storing"

(* No two writes have the same version. *)
OneValue ==
  \A a, b \in Begun : (a # b /\ count[a] > 0 /\ count[b] > 0) => Newer(a, b) \/ Newer(b, a)

(* Whichever R replicas answer, one of them holds an acknowledged write or *)
(* a newer one; so the write survives the loss of all the others.          *)
Durable ==
  \A Q \in SUBSET Replica : Cardinality(Q) = R =>
    \A w \in Write \cap Ended : \E r \in Q : holds[r] = w \/ Newer(holds[r], w)

(* An order of the writes explains a set of reads when both can be lined   *)
(* up, each read next after the write of its value (and other reads of     *)
(* it), and nothing that ended before another began comes after it.  A     *)
(* write that has not ended may take effect at any time, or never, which   *)
(* is to be the last.                                                      *)
Orders == {p \in [Begun -> 1..Cardinality(Begun)] :
             \A a, b \in Begun : a # b => p[a] # p[b]}
Explains(p, reads) ==
  LET at == [v \in Begun \cup {Initial} |-> IF v = Initial THEN 0 ELSE p[v]] IN
  /\ \A a, b \in Begun : a \in before[b] => at[a] < at[b]
  /\ \A o \in reads :
       /\ \A w \in Begun : w \in before[o] => at[w] <= at[value[o]]
       /\ \A w \in Begun : o \in before[w] => at[w] > at[value[o]]
       /\ \A q \in reads : q \in before[o] => at[value[q]] <= at[value[o]]

(* Each read, taken by itself, returns the last write before it or one     *)
(* that was under way: a regular register.  (With several writers: for     *)
(* each read there is an order of the writes that explains it.)            *)
Regular == \A o \in Read \cap Ended : \E p \in Orders : Explains(p, {o})

(* One order explains all of them: to its clients it is a single copy.     *)
Linearizable == \E p \in Orders : Explains(p, Read \cap Ended)
=============================================================================
