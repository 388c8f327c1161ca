---------------------------- MODULE VolumeTrace ----------------------------
(***************************************************************************)
(* Two things that an implementation does and Volume cannot say, so that   *)
(* traces of real runs are behaviours of a model.  With both constants     *)
(* FALSE this is Volume, state for state.                                  *)
(*                                                                         *)
(* Rewrites: a transaction may write a key again that it has written       *)
(* already.  The changes are still taken back one by one, latest first.    *)
(*                                                                         *)
(* Answers: a replica's answer to a fence is a message.  While it is under *)
(* way, a newer writer may fence the replica, and even take it over, and   *)
(* the answer still says what the replica had when it made its promise.    *)
(* It may also arrive when the writer has decided already; then the        *)
(* promise counts, and nobody reads the answer.                            *)
(***************************************************************************)
EXTENDS Volume

CONSTANTS Rewrites, Answers

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
ToldCut(e, Q) ==
  LET n == IF Bug = "cut-at-highest" THEN Max({0} \cup ToldFound(e, Q))
           ELSE ToldFirstGap(e, Q)
  IN  IF Bug = "cut-inside-mtr" THEN n
      ELSE Max({0} \cup {l \in 1..n : log[ToldNewest(e, Q)][l].last})

-----------------------------------------------------------------------------
TraceInit == Init /\ told = [e \in Epoch |-> [r \in Replica |-> None]]

TraceWrite(e, t, k) ==
  /\ phase[e] = "open" /\ End(e) < MaxLSN
  /\ IF Started(t) THEN Active(e, t) /\ Own(e, t) /\ Undos(e, t) = {}
                   ELSE \A u \in 1..(t-1) : Started(u)
  /\ IF Rewrites THEN TRUE ELSE k \notin Locks(e, t)
  /\ \A u \in Txn \ {t} : Active(e, u) => k \notin Locks(e, u)
  /\ IF Settled(e) THEN TRUE ELSE log[e][End(e)].txn = t
  /\ \E last \in (IF Mtr THEN BOOLEAN ELSE {TRUE}) :
       Issue(e, "write", t, k, Value(e, k), t, last)
  /\ UNCHANGED told

TraceFence(e, r) ==
  /\ IF Answers THEN phase[e] # "unborn" ELSE phase[e] = "fencing"
  /\ fence[r] < e
  /\ fence' = [fence EXCEPT ![r] = e]
  /\ told' = IF Answers /\ phase[e] = "fencing"
             THEN [told EXCEPT ![e][r] = [line |-> line[r], store |-> store[r]]]
             ELSE told
  /\ UNCHANGED <<phase, log, base, vcl, scl, line, store, acked>>

TraceDecide(e) ==
  IF ~Answers THEN Decide(e) /\ UNCHANGED told ELSE
  /\ phase[e] = "fencing"
  /\ \E Q \in SUBSET {r \in Replica : told[e][r] # None \/ Bug = "decide-unfenced"} :
       /\ IsReadQuorum(Q, IF Bug = "short-read-quorum" THEN R - 1 ELSE R)
       /\ base' = [base EXCEPT ![e] = ToldCut(e, Q)]
       /\ log'  = [log  EXCEPT ![e] = SubSeq(log[ToldNewest(e, Q)], 1, ToldCut(e, Q))]
  /\ phase' = [phase EXCEPT ![e] = "repairing"]
  /\ told'  = [told  EXCEPT ![e] = [r \in Replica |-> None]]
  /\ UNCHANGED <<vcl, scl, fence, line, store, acked>>

Same(action) == action /\ UNCHANGED told

TraceNext ==
  \/ \E e \in Epoch :
       \/ \E t \in Txn : Same(Commit(e, t)) \/ Same(Undo(e, t)) \/ Same(Ack(e, t))
       \/ \E t \in Txn, k \in Key : TraceWrite(e, t, k)
       \/ \E l \in LSN, r \in Replica : Same(Store(e, l, r)) \/ Same(AckEarly(e, l, r))
       \/ Same(Advance(e)) \/ Same(Start(e)) \/ TraceDecide(e) \/ Same(Open(e))
       \/ \E r \in Replica : TraceFence(e, r) \/ Same(Join(e, r))
  \/ \E r, s \in Replica, l \in LSN : Same(Gossip(r, s, l))
  \/ \E r \in Replica : Same(Amnesia(r))

TraceSpec == TraceInit /\ [][TraceNext]_traceVars
=============================================================================
