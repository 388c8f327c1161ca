---------------------------- MODULE VolumeTrace ----------------------------
(***************************************************************************)
(* What an implementation does and Volume cannot say, so that traces of    *)
(* real runs are behaviours of a model.  With all constants FALSE this is  *)
(* Volume, state for state.                                                *)
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
(* A configuration substitutes the two invariants that speak of this:      *)
(* UndoRestores <- TraceUndoRestores, MtrAtomic <- TraceMtrAtomic.         *)
(***************************************************************************)
EXTENDS Volume

CONSTANTS Rewrites, Answers, Structures, Moves, Savepoints

VARIABLE told       \* [Epoch -> [Replica -> the line and store with which it
                    \*  answered the fence, or None; None again once the
                    \*  writer has decided]]

traceVars == <<phase, log, base, vcl, scl, fence, line, store, acked, told>>

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

Places(k) == IF Moves THEN Group ELSE {HomeOf[k]}
Ends      == IF Mtr THEN BOOLEAN ELSE {TRUE}

-----------------------------------------------------------------------------
TraceInit == Init /\ told = [e \in Epoch |-> [r \in Replica |-> None]]

TraceIssue(e, kind, t, k, g, old, new, last) ==
  /\ log' = [log EXCEPT ![e] = Append(@,
       [epoch |-> e, kind |-> kind, txn |-> t, key |-> k, group |-> g,
        old |-> old, new |-> new, last |-> last])]
  /\ UNCHANGED <<phase, base, vcl, scl, fence, line, store, acked, told>>

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
  /\ \E last \in Ends, g \in Places(k) :
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
     IN  \E g \in Places(log[e][l].key) :
           TraceIssue(e, "undo", t, log[e][l].key, g, t,
                      IF Bug = "undo-to-zero" THEN 0 ELSE log[e][l].old, TRUE)

(* The writer changes a page of group g for no transaction. *)
Structure(e, g) ==
  /\ Structures
  /\ phase[e] = "open" /\ End(e) < MaxLSN
  /\ IF Settled(e) \/ Bug = "structure-inside-mtr" THEN TRUE
     ELSE log[e][End(e)].kind = "structure"
  /\ \E last \in Ends : TraceIssue(e, "structure", 0, "none", g, 0, 0, last)

TraceAdvance(e) ==
  IF Bug # "count-at-home" THEN Advance(e) /\ UNCHANGED told ELSE
  /\ phase[e] = "open" /\ vcl[e] < End(e)
  /\ LET l == vcl[e] + 1
         g == IF log[e][l].kind = "structure" THEN log[e][l].group ELSE HomeOf[log[e][l].key]
     IN  Cardinality({r \in In(g) : scl[e][r] >= l}) >= W
  /\ vcl' = [vcl EXCEPT ![e] = @ + 1]
  /\ UNCHANGED <<phase, log, base, scl, fence, line, store, acked, told>>

TraceFence(e, r) ==
  /\ IF Answers THEN phase[e] # "unborn" ELSE phase[e] = "fencing"
  /\ fence[r] < e
  /\ fence' = [fence EXCEPT ![r] = e]
  /\ told' = IF Answers /\ phase[e] = "fencing"
             THEN [told EXCEPT ![e][r] = [line |-> line[r], store |-> store[r]]]
             ELSE told
  /\ UNCHANGED <<phase, log, base, vcl, scl, line, store, acked>>

TraceDecide(e) ==
  /\ phase[e] = "fencing"
  /\ \E Q \in SUBSET {r \in Replica : \/ Bug = "decide-unfenced"
                                      \/ IF Answers THEN told[e][r] # None ELSE fence[r] = e} :
       /\ IsReadQuorum(Q, IF Bug = "short-read-quorum" THEN R - 1 ELSE R)
       /\ base' = [base EXCEPT ![e] = ToldCut(e, Q)]
       /\ log'  = [log  EXCEPT ![e] = SubSeq(log[ToldNewest(e, Q)], 1, ToldCut(e, Q))]
  /\ phase' = [phase EXCEPT ![e] = "repairing"]
  /\ told'  = [told  EXCEPT ![e] = [r \in Replica |-> None]]
  /\ UNCHANGED <<vcl, scl, fence, line, store, acked>>

Same(action) == action /\ UNCHANGED told

TraceNext ==
  \/ \E e \in Epoch :
       \/ \E t \in Txn : TraceCommit(e, t) \/ TraceUndo(e, t) \/ Same(Ack(e, t))
       \/ \E t \in Txn, k \in Key : TraceWrite(e, t, k)
       \/ \E g \in Group : Structure(e, g)
       \/ \E l \in LSN, r \in Replica : Same(Store(e, l, r)) \/ Same(AckEarly(e, l, r))
       \/ TraceAdvance(e) \/ Same(Start(e)) \/ TraceDecide(e) \/ Same(Open(e))
       \/ \E r \in Replica : TraceFence(e, r) \/ Same(Join(e, r))
  \/ \E r, s \in Replica, l \in LSN : Same(Gossip(r, s, l))
  \/ \E r \in Replica : Same(Amnesia(r))

TraceSpec == TraceInit /\ [][TraceNext]_traceVars

-----------------------------------------------------------------------------
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
