------------------------------ MODULE Longfork ------------------------------
(***************************************************************************)
(* A primary with a log, and secondaries that follow it and serve reads.   *)
(* A transaction begins on a snapshot of the primary, writes a row,        *)
(* appends its commit record to the log, waits until enough secondaries    *)
(* have received the record, and is then shown by the primary.  A          *)
(* secondary shows what it has replayed, in the order of the log.          *)
(*                                                                         *)
(* The question is in which order the primary shows commits.  In that of   *)
(* the log, every snapshot is a beginning of the log, at whichever node    *)
(* it was taken, and of two snapshots one shows all that the other does.   *)
(* PostgreSQL's primary shows a commit when its session leaves a table in  *)
(* memory, the ProcArray; sessions leave in any order.  A reader of the    *)
(* primary may see T2 without T1 while one of a secondary sees T1 without  *)
(* T2: a long fork.                                                        *)
(*                                                                         *)
(* Nodes are lost for good.  When the primary is, one that has received    *)
(* most of those that must be asked becomes the primary, and serves once   *)
(* what it has is copied.  That a primary which was replaced may live on   *)
(* is not modelled: it is lost, or it is the primary.                      *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS
  MaxTxn,          \* transactions are 1..MaxTxn
  MaxRow,          \* rows are 1..MaxRow
  Secondary,       \* nodes that follow the log at first, model values
  Acks,            \* so many of them must have a record before its commit is shown
  MaxSnapshots,    \* most snapshots that readers are told of
  MaxLosses,       \* most nodes lost
  SecondariesWait, \* TRUE: a secondary shows only what Acks of them have
  Bug              \* "none", or the name of the one guard that is broken

Txn   == 1..MaxTxn
Row   == 1..MaxRow
First == "first"                  \* the node that is the primary at first
MustRead == Cardinality(Secondary) - Acks + 1
Symmetry == Permutations(Secondary)

VARIABLES
  stage,      \* [Txn -> "unborn" | "running" | "committed" | "visible" | "aborted"]
  basis,      \* [Txn -> what its snapshot showed]
  row,        \* [Txn -> the row that it wrote, 0 before that]
  log,        \* transactions, in the order of their commit records
  received,   \* [Secondary -> so many records it has]
  replayed,   \* [Secondary -> the transactions that it shows]
  primary,    \* First, or the secondary that was promoted
  opening,    \* TRUE: it was promoted, and does not serve yet
  down,       \* the nodes that are lost
  acked,      \* transactions whose client was told
  snapshots   \* what readers were shown, and where

vars == <<stage, basis, row, log, received, replayed, primary, opening, down, acked, snapshots>>

-----------------------------------------------------------------------------
Range(s)    == {s[i] : i \in 1..Len(s)}
InLog       == Range(log)
Prefix(l)   == {log[i] : i \in 1..l}
Place(t)    == CHOOSE i \in 1..Len(log) : log[i] = t
Visible     == {t \in Txn : stage[t] = "visible"}
PrimaryUp   == primary \notin down
Serving     == PrimaryUp /\ ~opening
Following   == Secondary \ (down \cup {primary})
Replicated(l) == Cardinality({s \in Following : received[s] >= l}) >= Acks

Init ==
  /\ stage = [t \in Txn |-> "unborn"]
  /\ basis = [t \in Txn |-> {}]
  /\ row = [t \in Txn |-> 0]
  /\ log = <<>>
  /\ received = [s \in Secondary |-> 0]
  /\ replayed = [s \in Secondary |-> {}]
  /\ primary = First /\ opening = FALSE /\ down = {}
  /\ acked = {} /\ snapshots = {}

-----------------------------------------------------------------------------
(* A transaction takes its snapshot, at the primary. *)
Begin(t) ==
  /\ Serving /\ stage[t] = "unborn"
  /\ stage' = [stage EXCEPT ![t] = "running"]
  /\ basis' = [basis EXCEPT ![t] = Visible]
  /\ UNCHANGED <<row, log, received, replayed, primary, opening, down, acked, snapshots>>

(* Another transaction wrote the row, and the snapshot of t does not show  *)
(* it.  While that one may still abort, t waits; once it is visible, t     *)
(* cannot but abort: the first that updates wins.                          *)
Taken(t, k) == \E u \in Txn \ {t} : row[u] = k /\ u \notin basis[t]

Write(t, k) ==
  /\ Serving /\ stage[t] = "running" /\ row[t] = 0
  /\ IF Bug = "ignore-conflict" THEN TRUE ELSE ~Taken(t, k)
  /\ row' = [row EXCEPT ![t] = k]
  /\ UNCHANGED <<stage, basis, log, received, replayed, primary, opening, down, acked, snapshots>>

Abort(t) ==
  /\ Serving /\ stage[t] = "running"
  /\ stage' = [stage EXCEPT ![t] = "aborted"]
  /\ basis' = [basis EXCEPT ![t] = {}]
  /\ row' = [row EXCEPT ![t] = 0]
  /\ UNCHANGED <<log, received, replayed, primary, opening, down, acked, snapshots>>

Commit(t) ==
  /\ Serving /\ stage[t] = "running" /\ row[t] # 0
  /\ stage' = [stage EXCEPT ![t] = "committed"]
  /\ log' = Append(log, t)
  /\ UNCHANGED <<basis, row, received, replayed, primary, opening, down, acked, snapshots>>

(* The next record is durable on a secondary. *)
Receive(s) ==
  /\ PrimaryUp /\ s \in Following /\ received[s] < Len(log)
  /\ received' = [received EXCEPT ![s] = @ + 1]
  /\ UNCHANGED <<stage, basis, row, log, replayed, primary, opening, down, acked, snapshots>>

(* A secondary shows the next of the commits that it has received, perhaps *)
(* before the primary shows it.                                            *)
Replay(s, t) ==
  /\ s \in Following
  /\ t \in Prefix(received[s]) \ replayed[s]
  /\ SecondariesWait => Replicated(Place(t))
  /\ (Bug # "replay-out-of-order") => replayed[s] = Prefix(Place(t) - 1)
  /\ replayed' = [replayed EXCEPT ![s] = @ \cup {t}]
  /\ UNCHANGED <<stage, basis, row, log, received, primary, opening, down, acked, snapshots>>

(* The primary shows a commit, once its record has copies and all before   *)
(* it are shown.                                                           *)
Show(t) ==
  /\ Serving /\ stage[t] = "committed"
  /\ (Bug # "cancel-wait") => Replicated(Place(t))
  /\ (Bug # "primary-by-procarray") => Prefix(Place(t) - 1) \subseteq Visible
  /\ stage' = [stage EXCEPT ![t] = "visible"]
  /\ UNCHANGED <<basis, row, log, received, replayed, primary, opening, down, acked, snapshots>>

(* The client is told that its transaction is committed. *)
Ack(t) ==
  /\ Serving /\ t \notin acked
  /\ IF stage[t] = "visible" THEN TRUE
     ELSE IF Bug = "ack-before-visible" /\ stage[t] = "committed" THEN Replicated(Place(t))
     ELSE FALSE
  /\ acked' = acked \cup {t}
  /\ UNCHANGED <<stage, basis, row, log, received, replayed, primary, opening, down, snapshots>>

(* A reader takes a snapshot.  Which reader, and when, makes no difference *)
(* to what is promised, so what is kept is a set.                          *)
Take(x) ==
  /\ x \notin snapshots /\ Cardinality(snapshots) < MaxSnapshots
  /\ snapshots' = snapshots \cup {x}
  /\ UNCHANGED <<stage, basis, row, log, received, replayed, primary, opening, down, acked>>

ReadPrimary      == Serving /\ Take([at |-> "primary", shows |-> Visible])
ReadSecondary(s) == s \in Following /\ Take([at |-> "secondary", shows |-> replayed[s]])

-----------------------------------------------------------------------------
(* A node is gone, with its disk. *)
LosePrimary ==
  /\ PrimaryUp /\ Cardinality(down) < MaxLosses
  /\ down' = down \cup {primary}
  /\ UNCHANGED <<stage, basis, row, log, received, replayed, primary, opening, acked, snapshots>>

LoseSecondary(s) ==
  /\ s \in Following /\ Cardinality(down) < MaxLosses
  /\ down' = down \cup {s}
  /\ received' = [received EXCEPT ![s] = 0]
  /\ replayed' = [replayed EXCEPT ![s] = {}]
  /\ UNCHANGED <<stage, basis, row, log, primary, opening, acked, snapshots>>

(* Of as many as must be asked, one that has received most becomes the     *)
(* primary.  The others drop what they have beyond its log.                *)
Promote(s) ==
  /\ ~PrimaryUp /\ s \in Following
  /\ CASE Bug = "promote-first"    -> TRUE
       [] Bug = "promote-shortest" -> Cardinality(Following) >= MustRead
       [] OTHER -> Cardinality({u \in Following : received[u] <= received[s]}) >= MustRead
  /\ LET n == received[s]
         kept == Prefix(n)
     IN  /\ log' = SubSeq(log, 1, n)
         /\ received' = [u \in Secondary |-> IF u = s THEN 0 ELSE IF received[u] < n THEN received[u] ELSE n]
         /\ replayed' = [u \in Secondary |-> IF u = s THEN {} ELSE replayed[u] \cap kept]
         /\ stage' = [t \in Txn |-> IF t \in kept THEN "committed"
                                    ELSE IF stage[t] = "unborn" THEN "unborn" ELSE "aborted"]
         /\ basis' = [t \in Txn |-> IF t \in kept THEN basis[t] ELSE {}]
         /\ row' = [t \in Txn |-> IF t \in kept THEN row[t] ELSE 0]
  /\ primary' = s /\ opening' = TRUE
  /\ UNCHANGED <<down, acked, snapshots>>

(* The promoted node serves, once all its log has copies: a snapshot would *)
(* show what only it has, and the next loss would take that away.          *)
Open ==
  /\ PrimaryUp /\ opening
  /\ (Bug # "serve-before-replicated") => Replicated(Len(log))
  /\ opening' = FALSE
  /\ stage' = [t \in Txn |-> IF t \in InLog THEN "visible" ELSE stage[t]]
  /\ UNCHANGED <<basis, row, log, received, replayed, primary, down, acked, snapshots>>

Next ==
  \/ \E t \in Txn : Begin(t) \/ Abort(t) \/ Commit(t) \/ Show(t) \/ Ack(t)
  \/ \E t \in Txn, k \in Row : Write(t, k)
  \/ \E s \in Secondary, t \in Txn : Replay(s, t)
  \/ \E s \in Secondary : Receive(s) \/ ReadSecondary(s) \/ LoseSecondary(s) \/ Promote(s)
  \/ ReadPrimary \/ LosePrimary \/ Open

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
TypeOK ==
  /\ Len(log) = Cardinality(InLog) /\ InLog \subseteq Txn
  /\ Cardinality(down) <= MaxLosses
  /\ opening => primary # First
  /\ \A t \in Txn :
       /\ t \in InLog <=> stage[t] \in {"committed", "visible"}
       /\ t \in InLog => row[t] # 0
       /\ stage[t] \in {"unborn", "aborted"} => basis[t] = {} /\ row[t] = 0
  /\ \A s \in Secondary :
       /\ received[s] <= Len(log) /\ replayed[s] \subseteq Prefix(received[s])
       /\ s \in down \cup {primary} => received[s] = 0 /\ replayed[s] = {}

(* What a client was told of is in the log. *)
Durable == acked \subseteq InLog

(* What a reader was shown is in the log. *)
SeenIsKept == \A x \in snapshots : x.shows \subseteq InLog

(* A client reads its own writes at the primary. *)
AckedIsShown == Serving => acked \subseteq Visible

(* Of two that wrote one row, one began on a snapshot that shows the other.*)
NoLostUpdate ==
  \A t, u \in InLog : (t # u /\ row[t] = row[u]) => t \in basis[u] \/ u \in basis[t]

(* A snapshot that shows a transaction shows what that one began on.       *)
Causal == \A x \in snapshots : \A t \in x.shows : basis[t] \subseteq x.shows

Ordered(S) == \A x, y \in S : x.shows \subseteq y.shows \/ y.shows \subseteq x.shows

(* Reads at secondaries alone see one history. *)
SecondariesOrdered == Ordered({x \in snapshots : x.at = "secondary"})

(* So do reads anywhere: there is no long fork. *)
SnapshotsOrdered == Ordered(snapshots)
=============================================================================
