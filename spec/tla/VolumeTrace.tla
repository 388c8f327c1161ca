---------------------------- MODULE VolumeTrace ----------------------------
(***************************************************************************)
(* What an implementation does and Volume cannot say, so that traces of    *)
(* real runs are behaviours of a model.  With all constants FALSE, Members *)
(* 0 and every replica a full member of a group in use, this is Volume,    *)
(* state for state.                                                        *)
(*                                                                         *)
(* Rewrites: a transaction may write a key again that it has written       *)
(* already.  The changes are still taken back one by one, latest first.    *)
(*                                                                         *)
(* Answers: a replica's answer to a fence is a message.  While it is under *)
(* way, a newer writer may fence the replica, and even take it over, and   *)
(* the answer still says what the replica had when it made its promise.    *)
(* It may also arrive when the writer has decided already; then the        *)
(* promise counts, and nobody reads the answer.                            *)
(*                                                                         *)
(* Structures: the writer may log changes that belong to no transaction    *)
(* and no key, such as a page's split (SIGMOD 2017, section 5).  They are  *)
(* in any group, in mini-transactions of their own, and never taken back.  *)
(*                                                                         *)
(* Moves: a key is a row, and rows move from page to page; so a change of  *)
(* a key may be in any group.  The commit record of a transaction is in    *)
(* the group of its first change.                                          *)
(*                                                                         *)
(* Savepoints: a writer may take back the latest changes of a transaction  *)
(* of its own and go on with it, and commit it.                            *)
(*                                                                         *)
(* Members: most quorum sets of a group at a time.  With more than 1 the   *)
(* writer may replace members (SIGMOD 2018, 4.1).  A record is complete    *)
(* when it is on a write quorum of every set; only the first set, the      *)
(* settled one, has the read vote.  A change is made by compare-and-swap   *)
(* in a register, by the newest writer, and is what the next writer learns *)
(* with its epoch.  The writer that made it goes by it when it hears of    *)
(* it, and makes no other before.                                          *)
(*                                                                         *)
(* Grows: groups that are not in use from the start may come into use, in  *)
(* the same way.                                                           *)
(*                                                                         *)
(* Full: the replicas that keep pages.  When there are others, the tails,  *)
(* all full ones of a set are a write quorum too, and a read quorum has to *)
(* have one (SIGMOD 2018, 4.2).                                            *)
(*                                                                         *)
(* A configuration substitutes the invariants that speak of all this:      *)
(* Durable <- TraceDurable, CompleteIsStored <- TraceCompleteIsStored,     *)
(* FreshRead <- TraceFreshRead, UndoRestores <- TraceUndoRestores,         *)
(* MtrAtomic <- TraceMtrAtomic.                                            *)
(***************************************************************************)
EXTENDS Volume

CONSTANTS Rewrites, Answers, Structures, Moves, Savepoints, Members, Grows,
  FirstMembers,     \* replicas that are members from the start
  FirstGroups,      \* groups that are in use from the start
  Full

VARIABLES
  told,             \* [Epoch -> [Replica -> the line and store with which it
                    \*  answered the fence, or None; None again once the
                    \*  writer has decided]]
  made,             \* [Epoch -> [Group -> its quorum sets, in order, as the
                    \*  register has them when the epoch is the newest; none
                    \*  while the group is not in use]]
  sets              \* [Epoch -> the same, as its writer goes by them]

geometry  == <<made, sets>>
traceVars == <<phase, log, base, vcl, scl, fence, line, store, acked, told, made, sets>>

None == [line |-> 0, store |-> [l \in LSN |-> 0]]

-----------------------------------------------------------------------------
(* What a replica has answered; under the bug, what anyone can read of it. *)
Answer(e, r) == IF told[e][r] # None THEN told[e][r]
                ELSE [line |-> line[r], store |-> store[r]]
ToldNewest(e, Q) == Max({Answer(e, r).line : r \in Q})
ToldHas(e, r, n, l) == l <= End(n) /\ Answer(e, r).store[l] = log[n][l].epoch
ToldFound(e, Q) == {l \in LSN : \E r \in Q : ToldHas(e, r, ToldNewest(e, Q), l)}
ToldFirstGap(e, Q) == Max({n \in 0..MaxLSN : 1..n \subseteq ToldFound(e, Q)})
MayEnd(record) ==         \* a cut may end the log here
  record.last \/ (Bug = "cut-inside-structure" /\ record.kind = "structure")
ToldCut(e, Q) ==
  LET n == IF Bug = "cut-at-highest" THEN Max({0} \cup ToldFound(e, Q))
           ELSE ToldFirstGap(e, Q)
  IN  IF Bug = "cut-inside-mtr" THEN n
      ELSE Max({0} \cup {l \in 1..n : MayEnd(log[ToldNewest(e, Q)][l])})

-----------------------------------------------------------------------------
(* What stands of t on the log of e: its undos take back its writes as     *)
(* closing brackets match opening ones, each the latest that still stands. *)
Net(e, t) ==
  {l \in Writes(e, t) :
     \A m \in Undos(e, t) : m > l =>
       Cardinality({u \in Undos(e, t)  : l < u /\ u <= m}) <=
       Cardinality({w \in Writes(e, t) : l < w /\ w <= m})}

(* Keys that t has written since nothing of it stood last.  It keeps the   *)
(* locks of what it takes back, until all is taken back.                   *)
Locked(e, t) ==
  {log[e][l].key : l \in {w \in Writes(e, t) :
     \A m \in Undos(e, t) : m > w =>
       Cardinality({u \in Undos(e, t)  : u <= m}) <
       Cardinality({x \in Writes(e, t) : x <= m})}}

-----------------------------------------------------------------------------
(* Quorums.  S is a quorum set, m the sets of a group, X who has something. *)
IsWritten(S, X, n) ==
  IF Cardinality(S \cap X) >= n THEN TRUE
  ELSE Full # Replica /\ S \cap Full # {} /\ S \cap Full \subseteq X
WrittenTo(m, X, n) == \A i \in DOMAIN m : IsWritten(m[i], X, n)
IsRead(S, X, n) ==
  /\ Cardinality(S \cap X) >= n
  /\ IF Full = Replica \/ Bug = "read-without-full" THEN TRUE ELSE S \cap X \cap Full # {}
InUse(geo) == {g \in Group : geo[g] # <<>>}
ReadFrom(geo, Q, n) == Q # {} /\ \A g \in InUse(geo) : IsRead(geo[g][1], Q, n)
DecidedBy(geo, Q, n) ==
  IF Bug = "newcomer-votes"
  THEN Q # {} /\ \A g \in InUse(geo) : {i \in DOMAIN geo[g] : IsRead(geo[g][i], Q, n)} # {}
  ELSE ReadFrom(geo, Q, n)

(* What the sets m of group g may become: a replacement begins, by which   *)
(* there are as many more sets as the one that goes is in; or only those   *)
(* sets are left that have one replica and not another.                    *)
AllOf(m) == UNION {m[i] : i \in DOMAIN m}
Instead(S, old, new) == (S \ {old}) \cup {new}
Replacing(m, old, new) ==
  LET with == SelectSeq(m, LAMBDA S : old \in S)
  IN  m \o [i \in DOMAIN with |-> Instead(with[i], old, new)]
Keeping(m, stay, leave) == SelectSeq(m, LAMBDA S : stay \in S /\ leave \notin S)
Successors(g, m) ==
  ({Replacing(m, old, new) : old \in m[1], new \in In(g) \ AllOf(m)}
   \cup {Keeping(m, stay, leave) : stay \in AllOf(m), leave \in AllOf(m)}
   \cup (IF Bug = "direct-swap"
         THEN {<<Instead(m[1], old, new)>> : old \in m[1], new \in In(g) \ AllOf(m)}
         ELSE {}))
  \ {<<>>, m}

(* Everything of group g that the writer of e holds complete is on a write *)
(* quorum of S.                                                            *)
Filled(e, g, S) ==
  \/ Bug \in {"finish-unfilled", "direct-swap"}
  \/ IsWritten(S, {r \in Replica : scl[e][r] >= LastIn(e, g, vcl[e])}, W)

FirstSets(g) == <<In(g) \cap FirstMembers>>
Places(e, k) == (IF Moves THEN Group ELSE {HomeOf[k]}) \cap InUse(sets[e])
Ends         == IF Mtr THEN BOOLEAN ELSE {TRUE}

-----------------------------------------------------------------------------
TraceInit ==
  /\ Init
  /\ told = [e \in Epoch |-> [r \in Replica |-> None]]
  /\ made = [e \in Epoch |-> [g \in Group |->
               IF e = 1 /\ g \in FirstGroups THEN FirstSets(g) ELSE <<>>]]
  /\ sets = made

TraceIssue(e, kind, t, k, g, old, new, last) ==
  /\ log' = [log EXCEPT ![e] = Append(@,
       [epoch |-> e, kind |-> kind, txn |-> t, key |-> k, group |-> g,
        old |-> old, new |-> new, last |-> last])]
  /\ UNCHANGED <<phase, base, vcl, scl, fence, line, store, acked, told, geometry>>

TraceWrite(e, t, k) ==
  /\ phase[e] = "open" /\ End(e) < MaxLSN
  /\ IF Started(t)
     THEN /\ IF Savepoints THEN Writes(e, t) # {} /\ Commits(e, t) = {}
                           ELSE Active(e, t) /\ Undos(e, t) = {}
          /\ Own(e, t)
     ELSE \A u \in 1..(t-1) : Started(u)
  /\ IF Rewrites THEN TRUE ELSE k \notin Locked(e, t)
  /\ \A u \in Txn \ {t} : Active(e, u) => k \notin Locked(e, u)
  /\ IF Settled(e) THEN TRUE ELSE log[e][End(e)].txn = t
  /\ \E last \in Ends, g \in Places(e, k) :
       TraceIssue(e, "write", t, k, g, Value(e, k), t, last)

TraceCommit(e, t) ==
  /\ phase[e] = "open" /\ End(e) < MaxLSN /\ Settled(e)
  /\ Active(e, t) /\ Own(e, t)
  /\ IF Savepoints THEN TRUE ELSE Undos(e, t) = {}
  /\ LET first == CHOOSE l \in Writes(e, t) : \A m \in Writes(e, t) : l <= m
     IN  TraceIssue(e, "commit", t, log[e][first].key, log[e][first].group, 0, 0, TRUE)

(* The broken variants count undos, and go down from the latest write.     *)
TraceUndo(e, t) ==
  /\ phase[e] = "open" /\ End(e) < MaxLSN /\ Settled(e)
  /\ Active(e, t)
  /\ IF Aborts \/ Savepoints THEN TRUE ELSE ~Own(e, t)
  /\ LET Below(n) == CHOOSE l \in Writes(e, t) : Cardinality({m \in Writes(e, t) : m > l}) = n
         l == CASE Bug = "undo-restarts" ->
                     Below(Cardinality({m \in Undos(e, t) : log[e][m].epoch = e}))
                [] Bug = "undo-past-savepoint" -> Below(Cardinality(Undos(e, t)))
                [] OTHER -> Max(Net(e, t))
     IN  \E g \in Places(e, log[e][l].key) :
           TraceIssue(e, "undo", t, log[e][l].key, g, t,
                      IF Bug = "undo-to-zero" THEN 0 ELSE log[e][l].old, TRUE)

(* The writer changes a page of group g for no transaction. *)
Structure(e, g) ==
  /\ Structures /\ g \in InUse(sets[e])
  /\ phase[e] = "open" /\ End(e) < MaxLSN
  /\ IF Settled(e) \/ Bug = "structure-inside-mtr" THEN TRUE
     ELSE log[e][End(e)].kind = "structure"
  /\ \E last \in Ends : TraceIssue(e, "structure", 0, "none", g, 0, 0, last)

(* The next record is complete in every quorum set of its group. *)
TraceAdvance(e) ==
  /\ phase[e] = "open" /\ vcl[e] < End(e)
  /\ LET l == vcl[e] + 1
         g == IF Bug = "count-at-home" /\ log[e][l].kind # "structure"
              THEN HomeOf[log[e][l].key] ELSE log[e][l].group
         m == IF Bug = "count-settled-alone" THEN SubSeq(sets[e][g], 1, 1) ELSE sets[e][g]
     IN  WrittenTo(m, {r \in Replica : scl[e][r] >= l},
                   IF Bug = "short-write-quorum" THEN W - 1 ELSE W)
  /\ vcl' = [vcl EXCEPT ![e] = @ + 1]
  /\ UNCHANGED <<phase, log, base, scl, fence, line, store, acked, told, geometry>>

(* A new writer learns with its epoch who counts and what is in use. *)
TraceStart(e) ==
  /\ Start(e)
  /\ LET learnt == [g \in Group |->
           CASE Bug = "change-unseen" /\ made[e-1][g] # <<>> -> FirstSets(g)
             [] Bug = "grow-unseen" /\ g \notin FirstGroups -> <<>>
             [] OTHER -> made[e-1][g]]
     IN  /\ made' = [made EXCEPT ![e] = learnt]
         /\ sets' = [sets EXCEPT ![e] = learnt]
  /\ UNCHANGED told

TraceFence(e, r) ==
  /\ IF Answers THEN phase[e] # "unborn" ELSE phase[e] = "fencing"
  /\ fence[r] < e
  /\ fence' = [fence EXCEPT ![r] = e]
  /\ told' = IF Answers /\ phase[e] = "fencing"
             THEN [told EXCEPT ![e][r] = [line |-> line[r], store |-> store[r]]]
             ELSE told
  /\ UNCHANGED <<phase, log, base, vcl, scl, line, store, acked, geometry>>

TraceDecide(e) ==
  /\ phase[e] = "fencing"
  /\ \E Q \in SUBSET {r \in Replica : \/ Bug = "decide-unfenced"
                                      \/ IF Answers THEN told[e][r] # None ELSE fence[r] = e} :
       /\ DecidedBy(sets[e], Q, IF Bug = "short-read-quorum" THEN R - 1 ELSE R)
       /\ base' = [base EXCEPT ![e] = ToldCut(e, Q)]
       /\ log'  = [log  EXCEPT ![e] = SubSeq(log[ToldNewest(e, Q)], 1, ToldCut(e, Q))]
  /\ phase' = [phase EXCEPT ![e] = "repairing"]
  /\ told'  = [told  EXCEPT ![e] = [r \in Replica |-> None]]
  /\ UNCHANGED <<vcl, scl, fence, line, store, acked, geometry>>

(* Everything kept is on a write quorum of every set of every group in use. *)
TraceOpen(e) ==
  /\ phase[e] = "repairing"
  /\ \A g \in InUse(sets[e]) :
       LET need == IF Bug = "open-before-repair" THEN 0 ELSE LastIn(e, g, base[e])
       IN  WrittenTo(sets[e][g], {r \in Replica : scl[e][r] >= need}, W)
  /\ phase' = [phase EXCEPT ![e] = "open"]
  /\ vcl'   = [vcl   EXCEPT ![e] = base[e]]
  /\ UNCHANGED <<log, base, scl, fence, line, store, acked, told, geometry>>

-----------------------------------------------------------------------------
(* The register is changed for the newest writer, which knows what it has. *)
MayChange(e) ==
  /\ phase[e] = "open" /\ \A d \in Epoch : d > e => phase[d] = "unborn"
  /\ IF Bug = "two-changes-at-once" THEN TRUE ELSE sets[e] = made[e]

(* Group g gets other quorum sets.  Its settled set may go when another    *)
(* one is filled.                                                          *)
Change(e, g) ==
  /\ Members > 1 /\ MayChange(e) /\ made[e][g] # <<>>
  /\ \E m \in {n \in Successors(g, made[e][g]) :
               /\ Len(n) <= Members
               /\ n[1] = made[e][g][1] \/ Filled(e, g, n[1])} :
       made' = [made EXCEPT ![e][g] = m]
  /\ UNCHANGED <<vars, told, sets>>

(* Group g comes into use. *)
Grow(e, g) ==
  /\ Grows /\ MayChange(e) /\ made[e][g] = <<>>
  /\ made' = [made EXCEPT ![e][g] = FirstSets(g)]
  /\ UNCHANGED <<vars, told, sets>>

(* The writer hears that its change is made, perhaps too late. *)
Adopt(e) ==
  /\ sets[e] # made[e]
  /\ sets' = [sets EXCEPT ![e] = made[e]]
  /\ UNCHANGED <<vars, told, made>>

Same(action) == action /\ UNCHANGED <<told, geometry>>

TraceNext ==
  \/ \E e \in Epoch :
       \/ \E t \in Txn : TraceCommit(e, t) \/ TraceUndo(e, t) \/ Same(Ack(e, t))
       \/ \E t \in Txn, k \in Key : TraceWrite(e, t, k)
       \/ \E g \in Group : Structure(e, g) \/ Change(e, g) \/ Grow(e, g)
       \/ \E l \in LSN, r \in Replica : Same(Store(e, l, r)) \/ Same(AckEarly(e, l, r))
       \/ TraceAdvance(e) \/ TraceStart(e) \/ TraceDecide(e) \/ TraceOpen(e) \/ Adopt(e)
       \/ \E r \in Replica : TraceFence(e, r) \/ Same(Join(e, r))
  \/ \E r, s \in Replica, l \in LSN : Same(Gossip(r, s, l))
  \/ \E r \in Replica : Same(Amnesia(r))

TraceSpec == TraceInit /\ [][TraceNext]_traceVars

-----------------------------------------------------------------------------
(* Whoever a writer that starts now may recover from, an acknowledged      *)
(* transaction survives.                                                   *)
Register == made[Max({e \in Epoch : phase[e] # "unborn"})]
TraceDurable ==
  acked # {} =>
    \A Q \in SUBSET Replica :
      (Q # {} /\ \A g \in InUse(Register) :
         /\ Cardinality(Register[g][1] \cap Q) >= R
         /\ Full = Replica \/ Register[g][1] \cap Q \cap Full # {}) =>
      (\A t \in acked : CommitLsn(t) <= Cut(Q) /\ On(Newest(Q), t))

(* While no successor has started: what a writer holds complete is on a    *)
(* write quorum of the set that has the read vote, as the writer knows it  *)
(* and as it is.                                                           *)
TraceCompleteIsStored ==
  \A e \in Epoch : (Last(e) /\ phase[e] = "open") =>
    \A l \in 1..vcl[e] :
      LET g   == log[e][l].group
          has == {r \in Replica : Has(r, e, l)}
          Stored(m) == IF m = <<>> THEN FALSE ELSE IsWritten(m[1], has, W)
      IN  Stored(sets[e][g]) /\ Stored(made[e][g])

(* A writer that still reaches so many unfenced replicas of some group     *)
(* that no set has a write quorum without them has every acknowledged      *)
(* transaction on its log, so what it reads is fresh.  One set would not   *)
(* do: a change may be made of which the writer has not heard, and its     *)
(* successor be open on another set alone.                                 *)
Blocked(m, X) ==
  IF Bug = "block-one-set" THEN \E i \in DOMAIN m : ~IsWritten(m[i], m[i] \ X, W)
                           ELSE \A i \in DOMAIN m : ~IsWritten(m[i], m[i] \ X, W)
TraceFreshRead ==
  \A e \in Epoch :
    (/\ phase[e] = "open"
     /\ \/ \E g \in InUse(sets[e]) : Blocked(sets[e][g], {r \in Replica : fence[r] <= e})
        \/ Bug = "read-unfenced")
      => (\A t \in acked : On(e, t))

(* A key that no transaction holds has the value of the last change of it  *)
(* that stands in a committed transaction.                                 *)
TraceUndoRestores ==
  \A e \in Epoch, k \in Key :
    (/\ phase[e] = "open"
     /\ \A t \in Txn : Active(e, t) => k \notin Locked(e, t)) =>
      LET S == UNION {{l \in Net(e, t) : log[e][l].key = k} :
                      t \in {u \in Txn : Commits(e, u) # {}}}
      IN  Value(e, k) = IF S = {} THEN 0 ELSE log[e][Max(S)].new

(* A cut never splits a mini-transaction, and each is of one transaction,  *)
(* or of none.                                                             *)
TraceMtrAtomic ==
  /\ \A e \in Epoch : phase[e] \in {"repairing", "open"} =>
       IF base[e] = 0 THEN TRUE ELSE log[e][base[e]].last
  /\ \A e \in Epoch : \A l \in 1..(End(e) - 1) :
       log[e][l].last \/ log[e][l].txn = log[e][l+1].txn
=============================================================================
