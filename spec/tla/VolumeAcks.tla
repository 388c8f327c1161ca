----------------------------- MODULE VolumeAcks -----------------------------
(***************************************************************************)
(* What reality adds to Volume: acknowledgements of single records, a      *)
(* limit on how far allocation may run ahead, and a cut that can leave     *)
(* holes.  With RecordAcks FALSE, Lal = MaxLSN and no bug of this module   *)
(* this is Volume, state for state.                                        *)
(*                                                                         *)
(* RecordAcks: a replica acknowledges each record that it stores, instead  *)
(* of how far it is complete.  The writer then counts copies of each       *)
(* record.  This is sound with a recovery that takes the union of the      *)
(* records found, as Volume's does: a record on W replicas is on one of    *)
(* any R.  It is not sound with a recovery that only asks how far each     *)
(* replica is complete: record 1 on A and B, record 2 on B and C, and      *)
(* nobody of A and C is complete up to 2.  With acknowledgements of the    *)
(* SCL the second recovery is sound, too.                                  *)
(*                                                                         *)
(* Lal, the LSN allocation limit (SIGMOD 2017, 4.2.1): no LSN above        *)
(* VDL + Lal is allocated.  So a recovery knows, without having seen it,   *)
(* where the log that it annuls must end.                                  *)
(*                                                                         *)
(* The bugs of this module: "highest-scl" (recovery by the highest SCL of  *)
(* each group; wrong only with RecordAcks), "allocate-past-lal", and       *)
(* "cut-per-group" (each group is cut at its own first gap, whatever the   *)
(* other groups lack).                                                     *)
(*                                                                         *)
(* Durable speaks of a cut, which must be the one made here.  A            *)
(* configuration says so: Cut <- AcksCut.                                  *)
(***************************************************************************)
EXTENDS Volume

CONSTANTS RecordAcks, Lal

VARIABLE got        \* [Epoch -> [Replica -> the LSNs whose records it has
                    \*  acknowledged to the epoch's writer, one by one]]

acksVars == <<phase, log, base, vcl, scl, fence, line, store, acked, got>>

-----------------------------------------------------------------------------
(* How far replica r is complete on the log of n. *)
CompleteOn(r, n) ==
  LET mine == InGroup(n, GroupOf[r])
  IN  Max({0} \cup {l \in mine : \A m \in mine : m <= l => Has(r, n, m)})
HighestSCL(Q, g) == Max({0} \cup {CompleteOn(r, Newest(Q)) : r \in Q \cap In(g)})
SclGap(Q) ==
  Max({n \in 0..End(Newest(Q)) :
         \A l \in 1..n : l <= HighestSCL(Q, log[Newest(Q)][l].group)})

(* The records of the newest log that have no gap before them in their own *)
(* group, and what stands where another one was.                           *)
Ungapped(Q) ==
  LET n == Newest(Q)
  IN  {l \in 1..End(n) :
         \A m \in InGroup(n, log[n][l].group) : m <= l => m \in Found(Q)}
Hole == [epoch |-> 0, kind |-> "hole", txn |-> 0, key |-> "none", group |-> "none",
         old |-> 0, new |-> 0, last |-> TRUE]

AcksCut(Q) ==
  IF Bug = "cut-per-group"
  THEN Max({0} \cup {l \in Ungapped(Q) : log[Newest(Q)][l].last})
  ELSE LET n == CASE Bug = "cut-at-highest" -> Max({0} \cup Found(Q))
                  [] Bug = "highest-scl"    -> SclGap(Q)
                  [] OTHER                  -> FirstGap(Q)
       IN  IF Bug = "cut-inside-mtr" THEN n
           ELSE Max({0} \cup {l \in 1..n : log[Newest(Q)][l].last})

Recovered(Q) ==
  [l \in 1..AcksCut(Q) |->
     IF Bug = "cut-per-group"
     THEN IF l \in Ungapped(Q) THEN log[Newest(Q)][l] ELSE Hole
     ELSE log[Newest(Q)][l]]

-----------------------------------------------------------------------------
AcksInit == Init /\ got = [e \in Epoch |-> [r \in Replica |-> {}]]

(* The writer of e may allocate one LSN more. *)
Room(e) == IF Bug = "allocate-past-lal" THEN TRUE ELSE End(e) < Vdl(e) + Lal

(* Replica r has a new store, and acknowledges what of it is on the log of e. *)
Tell(e, r) ==
  got' = IF RecordAcks
         THEN [got EXCEPT ![e][r] = {l \in InGroup(e, GroupOf[r]) : store'[r][l] # 0}]
         ELSE got

Copies(e, l) == Cardinality({r \in In(log[e][l].group) : l \in got[e][r]})

AcksAdvance(e) ==
  IF ~RecordAcks THEN Advance(e) ELSE
  /\ phase[e] = "open" /\ vcl[e] < End(e)
  /\ Copies(e, vcl[e] + 1) >= IF Bug = "short-write-quorum" THEN W - 1 ELSE W
  /\ vcl' = [vcl EXCEPT ![e] = @ + 1]
  /\ UNCHANGED <<phase, log, base, scl, fence, line, store, acked>>

AcksDecide(e) ==
  /\ phase[e] = "fencing"
  /\ \E Q \in SUBSET {r \in Replica : fence[r] = e \/ Bug = "decide-unfenced"} :
       /\ IsReadQuorum(Q, IF Bug = "short-read-quorum" THEN R - 1 ELSE R)
       /\ base' = [base EXCEPT ![e] = AcksCut(Q)]
       /\ log'  = [log  EXCEPT ![e] = Recovered(Q)]
  /\ phase' = [phase EXCEPT ![e] = "repairing"]
  /\ UNCHANGED <<vcl, scl, fence, line, store, acked>>

(* A write quorum of every group has joined, and every record kept is on a *)
(* write quorum of its group.                                              *)
AcksOpen(e) ==
  IF ~RecordAcks THEN Open(e) ELSE
  /\ phase[e] = "repairing"
  /\ \A g \in Group : Cardinality({r \in In(g) : scl[e][r] >= 0}) >= W
  /\ IF Bug = "open-before-repair" THEN TRUE
     ELSE \A g \in Group : \A l \in InGroup(e, g) : Copies(e, l) >= W
  /\ phase' = [phase EXCEPT ![e] = "open"]
  /\ vcl'   = [vcl   EXCEPT ![e] = base[e]]
  /\ UNCHANGED <<log, base, scl, fence, line, store, acked>>

AcksAckEarly(e, l, r) ==
  IF ~RecordAcks THEN AckEarly(e, l, r) /\ UNCHANGED got ELSE
  /\ Bug = "ack-before-durable" /\ phase[e] = "open" /\ line[r] = e /\ fence[r] = e
  /\ l \in InGroup(e, GroupOf[r]) /\ l \notin got[e][r]
  /\ got' = [got EXCEPT ![e][r] = @ \cup {l}]
  /\ UNCHANGED vars

Untold(action) == action /\ UNCHANGED got

AcksNext ==
  \/ \E e \in Epoch :
       \/ \E t \in Txn : \/ Room(e) /\ Untold(Commit(e, t))
                         \/ Room(e) /\ Untold(Undo(e, t))
                         \/ Untold(Ack(e, t))
       \/ \E t \in Txn, k \in Key : Room(e) /\ Untold(Write(e, t, k))
       \/ \E l \in LSN, r \in Replica : \/ Store(e, l, r) /\ Tell(e, r)
                                        \/ AcksAckEarly(e, l, r)
       \/ Untold(AcksAdvance(e)) \/ Untold(Start(e))
       \/ Untold(AcksDecide(e)) \/ Untold(AcksOpen(e))
       \/ \E r \in Replica : Untold(Fence(e, r)) \/ (Join(e, r) /\ Tell(e, r))
  \/ \E r, s \in Replica, l \in LSN : Gossip(r, s, l) /\ Tell(line[r], r)
  \/ \E r \in Replica : Untold(Amnesia(r))

AcksSpec == AcksInit /\ [][AcksNext]_acksVars

-----------------------------------------------------------------------------
(* A recovery annuls the LSNs from its cut up to the cut + Lal.  Nothing   *)
(* that an older writer has allocated, or will, lies above those.          *)
WithinLAL ==
  \A e \in Epoch : phase[e] \in {"repairing", "open"} =>
    \A d \in 1..(e-1) : End(d) <= base[e] + Lal

(* A cut never splits a transaction: where its commit is, its changes are. *)
TxnAtomic ==
  \A e \in Epoch : phase[e] \in {"repairing", "open"} =>
    \A t \in Txn : Commits(e, t) # {} =>
      \A l \in Writes(CommitEpoch(t), t) :
        l <= End(e) /\ log[e][l].epoch = log[CommitEpoch(t)][l].epoch
=============================================================================
