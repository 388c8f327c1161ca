---------------------------------- MODULE Isr ----------------------------------
(***************************************************************************)
(* One partition of Apache Kafka.  A controller elects a leader for each   *)
(* epoch, one of the in-sync replicas.  The leader appends, followers      *)
(* fetch, and what all in-sync replicas have is committed: the high        *)
(* watermark of the leader passes it.  A follower that hears of a new      *)
(* epoch first makes its log a prefix of the new leader's.  The leader     *)
(* asks the controller for fewer in-sync replicas when one is slow, and    *)
(* for more when one has caught up.                                        *)
(*                                                                         *)
(* A record is its offset and the epoch of its leader: within an epoch one *)
(* leader appends, and it never truncates.  So a log is the sequence of    *)
(* the epochs of its records.  Elections are heard of late, or never.      *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, Sequences, TLC

CONSTANTS
  Replica,
  MaxOffset,  \* longest log
  MaxEpoch,   \* last epoch; the first is 1
  Alter,      \* TRUE: leaders shrink and expand the set of in-sync replicas
  Bug         \* "none", or the name of the one rule that is broken

Symmetry == Permutations(Replica)
Epoch    == 1..MaxEpoch

VARIABLES
  epoch, inSync, \* the controller's
  elected,   \* [1..epoch -> the leader]
  counts,    \* [Epoch -> replicas that its leader knows to be in sync]
  wanted,    \* [Epoch -> replicas that its leader asked the controller for]
  request,   \* [Epoch -> "none" | "asked" | "accepted"]
  committed, \* the longest log that was below a leader's high watermark
  log, hw,   \* [Replica -> ...]
  at,        \* [Replica -> the last epoch that it knows of]
  truncated  \* followers whose log is a prefix of their leader's, and that fetch

controller == <<epoch, inSync, elected>>
leaders    == <<counts, wanted, request>>
vars == <<controller, leaders, committed, log, hw, at, truncated>>

-----------------------------------------------------------------------------
Min(a, b) == IF a < b THEN a ELSE b
Max(a, b) == IF a > b THEN a ELSE b

LastEpoch(l) == IF l = <<>> THEN 0 ELSE l[Len(l)]
Cut(l, n)    == SubSeq(l, 1, Min(n, Len(l)))

(* How many records, from the first on, have at most epoch e. *)
End(l, e) ==
  CHOOSE n \in 0..Len(l) : /\ \A i \in 1..n : l[i] <= e
                           /\ n < Len(l) => l[n+1] > e

IsPrefix(l, m) == Len(l) <= Len(m) /\ SubSeq(m, 1, Len(l)) = l

Leads(r) == elected[at[r]] = r

Init ==
  /\ epoch = 1 /\ inSync = Replica
  /\ \E r \in Replica : elected = <<r>>
  /\ counts = [e \in Epoch |-> IF e = 1 THEN Replica ELSE {}]
  /\ wanted = [e \in Epoch |-> {}]
  /\ request = [e \in Epoch |-> "none"]
  /\ committed = <<>>
  /\ log = [r \in Replica |-> <<>>] /\ hw = [r \in Replica |-> 0]
  /\ at = [r \in Replica |-> 1] /\ truncated = Replica \ {elected[1]}

-----------------------------------------------------------------------------
(* The controller begins an epoch with leader l and in-sync replicas left. *)
Begin(l, left) ==
  /\ epoch < MaxEpoch
  /\ epoch' = epoch + 1
  /\ elected' = Append(elected, l)
  /\ inSync' = left
  /\ counts' = [counts EXCEPT ![epoch + 1] = left]
  /\ UNCHANGED <<wanted, request, committed, log, hw, at, truncated>>

(* One of the in-sync replicas is elected.  Another, if out is not empty,  *)
(* is taken for failed.                                                    *)
Elect(l, out) ==
  \/ l \in inSync /\ out \subseteq inSync \ {l} /\ Begin(l, inSync \ out)
  \/ Bug = "unclean-election" /\ l \notin inSync /\ out = {} /\ Begin(l, {l})

(* A replica that goes on to another epoch forgets what it knew as the     *)
(* leader of its own.                                                      *)
Leave(r) ==
  IF Leads(r)
  THEN /\ counts' = [counts EXCEPT ![at[r]] = {}]
       /\ wanted' = [wanted EXCEPT ![at[r]] = {}]
       /\ request' = [request EXCEPT ![at[r]] = "none"]
  ELSE UNCHANGED leaders

BecomeLeader(r, e) ==
  /\ at[r] < e /\ e <= epoch /\ elected[e] = r
  /\ Leave(r)
  /\ at' = [at EXCEPT ![r] = e]
  /\ truncated' = truncated \ {r}
  /\ UNCHANGED <<controller, committed, log, hw>>

BecomeFollower(r, e) ==
  /\ at[r] < e /\ e <= epoch /\ elected[e] # r
  /\ Leave(r)
  /\ at' = [at EXCEPT ![r] = e]
  /\ IF Bug = "truncate-to-high-watermark"
     THEN /\ log' = [log EXCEPT ![r] = Cut(@, hw[r])]
          /\ truncated' = truncated \cup {r}
     ELSE /\ truncated' = IF Bug = "same-leader" /\ elected[e] = elected[at[r]]
                           THEN truncated ELSE truncated \ {r}
          /\ UNCHANGED log
  /\ UNCHANGED <<controller, committed, hw>>

(* Follower r may ask the leader of its epoch, if that is in the same      *)
(* epoch: one in another may yet truncate what it has.                     *)
MayAsk(r, unfenced) ==
  /\ ~Leads(r)
  /\ LET l == elected[at[r]]
     IN  at[l] = at[r] \/ (Bug = unfenced /\ Leads(l))

(* What is left of log f when its replica asks the leader, which has log   *)
(* l, for the epoch of its last record.  The leader answers with the       *)
(* largest epoch not above that which it has, and where it ends.           *)
RECURSIVE Agreed(_, _)
Agreed(f, l) ==
  LET end   == End(l, LastEpoch(f))
      known == IF end = 0 THEN 0 ELSE l[end]
      kept  == Cut(f, Min(end, End(f, known)))
  IN  IF kept = <<>> \/ LastEpoch(kept) = known THEN kept ELSE Agreed(kept, l)

(* What was left when the answer was an offset alone. *)
ByOffset(f, l, h) ==
  LET end == End(l, LastEpoch(f))
  IN  IF end < Len(l) \/ LastEpoch(l) = LastEpoch(f) THEN Cut(f, end) ELSE Cut(f, h)

(* Follower r makes its log a prefix of its leader's. *)
Truncate(r) ==
  /\ r \notin truncated /\ MayAsk(r, "truncate-unfenced")
  /\ LET l == log[elected[at[r]]]
     IN  log' = [log EXCEPT ![r] =
           IF Bug = "truncate-unknown-epoch" THEN ByOffset(@, l, hw[r]) ELSE Agreed(@, l)]
  /\ hw' = [hw EXCEPT ![r] = Min(@, Len(log'[r]))]
  /\ truncated' = truncated \cup {r}
  /\ UNCHANGED <<controller, leaders, committed, at>>

Write(r) ==
  /\ Leads(r) /\ Len(log[r]) < MaxOffset
  /\ log' = [log EXCEPT ![r] = Append(@, at[r])]
  /\ UNCHANGED <<controller, leaders, committed, hw, at, truncated>>

(* Follower r gets the next record, if there is one, and the leader's high *)
(* watermark.                                                              *)
Fetch(r) ==
  /\ r \in truncated /\ MayAsk(r, "fetch-unfenced")
  /\ LET l == elected[at[r]]
     IN  /\ log' = [log EXCEPT ![r] =
              IF Len(log[l]) > Len(@) THEN Append(@, log[l][Len(@) + 1]) ELSE @]
         /\ hw' = [hw EXCEPT ![r] = Min(hw[l], Len(log'[r]))]
  /\ <<log, hw>>' # <<log, hw>>
  /\ UNCHANGED <<controller, leaders, committed, at, truncated>>

(* Whom leader r waits for: those that it knows to be in sync, and those   *)
(* that may be once the controller has heard of them.                      *)
Counted(r) ==
  LET e == at[r]
  IN  IF Bug = "shrink-unrecorded" /\ request[e] # "none" THEN wanted[e]
      ELSE counts[e] \cup wanted[e]

(* Replica o is known to leader r to have n records. *)
Follows(r, o, n) ==
  /\ Len(log[o]) >= n
  /\ o = r \/ (at[o] = at[r] /\ o \in truncated) \/ Bug = "advance-unfenced"

(* All in-sync replicas have the record at the leader's high watermark. *)
Advance(r) ==
  /\ Leads(r) /\ hw[r] < Len(log[r])
  /\ \A o \in Counted(r) : Follows(r, o, hw[r] + 1)
  /\ hw' = [hw EXCEPT ![r] = @ + 1]
  /\ committed' = IF hw[r] = Len(committed) THEN Append(committed, log[r][hw[r] + 1]) ELSE committed
  /\ UNCHANGED <<controller, leaders, log, at, truncated>>

Ask(r, set) ==              \* one request at a time is under way
  /\ Alter /\ Leads(r) /\ request[at[r]] = "none"
  /\ request' = [request EXCEPT ![at[r]] = "asked"]
  /\ wanted' = [wanted EXCEPT ![at[r]] = set]
  /\ UNCHANGED <<controller, counts, committed, log, hw, at, truncated>>

Shrink(r, o) ==
  /\ o \in counts[at[r]] \ {r}
  /\ Ask(r, counts[at[r]] \ {o})

(* A follower has caught up with the high watermark, and with all records  *)
(* of earlier epochs: the leader before may have committed them.           *)
Expand(r, o) ==
  /\ o \notin counts[at[r]] \cup {r}
  /\ Follows(r, o, IF Bug = "expand-early" THEN hw[r] ELSE Max(hw[r], End(log[r], at[r] - 1)))
  /\ Ask(r, counts[at[r]] \cup {o})

(* The controller takes the request of the leader of its epoch. *)
Accept ==
  /\ request[epoch] = "asked"
  /\ request' = [request EXCEPT ![epoch] = "accepted"]
  /\ inSync' = wanted[epoch]
  /\ UNCHANGED <<epoch, elected, counts, wanted, committed, log, hw, at, truncated>>

Learn(r) ==
  /\ Leads(r) /\ request[at[r]] = "accepted"
  /\ request' = [request EXCEPT ![at[r]] = "none"]
  /\ counts' = [counts EXCEPT ![at[r]] = wanted[at[r]]]
  /\ wanted' = [wanted EXCEPT ![at[r]] = {}]
  /\ UNCHANGED <<controller, committed, log, hw, at, truncated>>

Next ==
  \/ Accept
  \/ \E r \in Replica :
       \/ Elect(r, {})
       \/ Truncate(r) \/ Write(r) \/ Fetch(r) \/ Advance(r) \/ Learn(r)
       \/ \E o \in Replica : Elect(r, {o}) \/ Shrink(r, o) \/ Expand(r, o)
       \/ \E e \in Epoch : BecomeLeader(r, e) \/ BecomeFollower(r, e)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
TypeOK ==
  /\ epoch \in Epoch /\ elected \in [1..epoch -> Replica]
  /\ inSync \subseteq Replica /\ inSync # {}
  /\ Len(committed) <= MaxOffset
  /\ \A e \in Epoch : request[e] \in {"none", "asked", "accepted"} /\ (e > epoch => request[e] = "none")
  /\ \A r \in Replica :
       /\ Len(log[r]) <= MaxOffset /\ hw[r] \in 0..Len(log[r])
       /\ at[r] \in 1..epoch /\ (Leads(r) => r \notin truncated)

(* Epochs never go down along a log. *)
Ascending == \A r \in Replica : \A i \in 2..Len(log[r]) : log[r][i-1] <= log[r][i]

(* Every in-sync replica has all that was committed. *)
Durable == \A r \in inSync : IsPrefix(committed, log[r])

(* The leader has. *)
LeaderComplete == IsPrefix(committed, log[elected[epoch]])

(* No log differs below its high watermark from what was committed. *)
OneHistory == \A r \in Replica : IsPrefix(Cut(log[r], hw[r]), committed)

(* The log of a follower that fetches is a prefix of its leader's. *)
Prefix ==
  \A r \in truncated :
    at[elected[at[r]]] = at[r] => IsPrefix(log[r], log[elected[at[r]]])
=============================================================================
