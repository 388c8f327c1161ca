-------------------------------- MODULE Neon --------------------------------
(***************************************************************************)
(* The consensus of Neon's safekeepers.  Computes (proposers) ask          *)
(* safekeepers (acceptors) for their votes in a term; the one that a       *)
(* quorum has voted for copies the log of the highest vote, has each       *)
(* acceptor cut what differs from it, and appends to their logs.  It is    *)
(* Raft, with the leader outside of the replicas.                          *)
(*                                                                         *)
(* An entry is the term in which it was written, and its LSN is its place  *)
(* in the log.  Acceptors do not store the term of an entry: they have a   *)
(* term history, which says for each term at which LSN it begins.  A       *)
(* leader hands its own on when it truncates, so that a log that is long   *)
(* enough reaches the leader's term without a new entry.                   *)
(*                                                                         *)
(* Messages arrive at once, or never: a step that one would enable may     *)
(* happen now, later or not at all.  A compute that crashes is one that    *)
(* restarts, and a safekeeper that is down is one that takes no steps.     *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets, TLC

CONSTANTS
  Proposer,    \* set of computes
  Acceptor,    \* set of safekeepers
  MaxTerm,     \* the constraint: no proposer asks for a higher term
  MaxEntries,  \* the constraint: no proposer has a longer log
  Donor,       \* of the acceptors with the highest vote, "every" one must still be
               \* in the term when the proposer copies a log, or "some" one
  Elections,   \* TRUE: the state counts how often each term was elected
  Bug          \* "none", or the name of the one guard that is broken

VARIABLES
  prop,       \* [Proposer -> what it has: leader, term, votes, history, wal, next]
  acc,        \* [Acceptor -> what it has: term, history, wal]
  committed,  \* the entries ever committed, as <<term, lsn>>
  elected     \* [term -> how often it was elected], empty without Elections

vars == <<prop, acc, committed, elected>>

Symmetry == Permutations(Proposer) \cup Permutations(Acceptor)

-----------------------------------------------------------------------------
Max(S) == CHOOSE x \in S : \A y \in S : y <= x
Min(S) == CHOOSE x \in S : \A y \in S : x <= y

Need    == IF Bug = "bad-quorum" THEN Max({Cardinality(Acceptor) \div 2, 1})
                                 ELSE Cardinality(Acceptor) \div 2 + 1
Quorums == {Q \in SUBSET Acceptor : Cardinality(Q) >= Need}

(* The LSN of the entry that comes next. *)
Flush(a) == Len(acc[a].wal) + 1

(* A term history without the terms that the log has not reached. *)
Local(a) == SelectSeq(acc[a].history, LAMBDA h : h[2] <= Flush(a))

LastTerm(h) == h[Len(h)][1]

Absent == 0  \* no vote, nothing to send from

NoVotes == [a \in Acceptor |-> <<>>]
Nothing == [a \in Acceptor |-> Absent]
Voters(p) == {a \in Acceptor : prop[p].votes[a] # <<>>}

(* The LSN of the first entry in which the log of acceptor a differs from    *)
(* that of leader p.  Both histories begin with term 0, so one is common.    *)
CommonPoint(p, a) ==
  LET hp == prop[p].history
      ha == Local(a)
      i  == Max({j \in 1..Min({Len(hp), Len(ha)}) : hp[j][1] = ha[j][1]})
      End(h) == IF i = Len(h) THEN Flush(a) ELSE h[i + 1][2]
  IN  Min({End(hp), End(ha)})

(* With all of a leader's log below the LSN, which may be longer than that   *)
(* only when a bug has kept a tail.                                          *)
Entries(p, lsn) ==
  {<<prop[p].wal[i], i>> : i \in 1..Min({lsn - 1, Len(prop[p].wal)})}

-----------------------------------------------------------------------------
Init ==
  /\ prop = [p \in Proposer |-> [leader |-> FALSE, term |-> 1, votes |-> NoVotes,
                                 history |-> <<>>, wal |-> <<>>, next |-> Nothing]]
  /\ acc = [a \in Acceptor |-> [term |-> 0, history |-> << <<0, 1>> >>, wal |-> <<>>]]
  /\ committed = {}
  /\ elected = IF Elections THEN [t \in 1..(MaxTerm + 1) |-> 0] ELSE <<>>

(* p loses all that it knows, and asks for the term after the highest of a   *)
(* quorum.                                                                   *)
RestartProposer(p, Q) ==
  /\ prop' = [prop EXCEPT ![p] =
       [leader |-> FALSE, term |-> Max({acc[a].term : a \in Q}) + 1, votes |-> NoVotes,
        history |-> <<>>, wal |-> <<>>, next |-> Nothing]]
  /\ UNCHANGED <<acc, committed, elected>>

Vote(p, a) ==
  /\ ~prop[p].leader
  /\ IF Bug = "vote-twice" THEN acc[a].term <= prop[p].term
                           ELSE acc[a].term < prop[p].term
  /\ prop' = [prop EXCEPT ![p].votes[a] = <<Local(a), Flush(a)>>]
  /\ acc' = [acc EXCEPT ![a].term = prop[p].term]
  /\ UNCHANGED <<committed, elected>>

(* How high a vote is: the term of the last entry counts first.  No log is   *)
(* longer than MaxEntries.                                                   *)
Height(v) ==
  LET h == LastTerm(v[1]) * (MaxEntries + 2) + v[2]
  IN  CASE Bug = "lowest-vote" -> 0 - h
        [] Bug = "flush-first" -> v[2] * (MaxTerm + 1) + LastTerm(v[1])
        [] OTHER                -> h

(* p is elected, and copies the log of the highest vote, from an acceptor    *)
(* that is still in its term: one in a higher term may have another log now. *)
BecomeLeader(p) ==
  LET votes   == prop[p].votes
      highest == {a \in Voters(p) : \A b \in Voters(p) : Height(votes[b]) <= Height(votes[a])}
      there   == {a \in highest : acc[a].term = prop[p].term}
  IN  /\ ~prop[p].leader
      /\ Cardinality(Voters(p)) >= Need
      /\ IF Donor = "some" THEN there # {} ELSE there = highest
      /\ LET d == CHOOSE a \in there : TRUE  \* equal votes come of equal logs
         IN  prop' = [prop EXCEPT ![p].leader = TRUE,
                                  ![p].history = Append(votes[d][1], <<prop[p].term, votes[d][2]>>),
                                  ![p].wal = acc[d].wal]
      /\ elected' = IF Elections THEN [elected EXCEPT ![prop[p].term] = @ + 1] ELSE elected
      /\ UNCHANGED <<acc, committed>>

(* a hears of the term of a proposer that is already elected. *)
UpdateTerm(p, a) ==
  /\ prop[p].leader
  /\ acc[a].term < prop[p].term
  /\ acc' = [acc EXCEPT ![a].term = prop[p].term]
  /\ UNCHANGED <<prop, committed, elected>>

(* a cuts what differs from the leader's log, and takes over its history,    *)
(* at each connection anew.                                                  *)
TruncateWal(p, a) ==
  /\ prop[p].leader
  /\ acc[a].term = prop[p].term
  /\ acc' = [acc EXCEPT ![a].history = prop[p].history,
                        ![a].wal = IF Bug = "keep-tail" THEN @ ELSE SubSeq(@, 1, CommonPoint(p, a) - 1)]
  /\ prop' = [prop EXCEPT ![p].next[a] = CommonPoint(p, a)]
  /\ UNCHANGED <<committed, elected>>

NewEntry(p) ==
  /\ prop[p].leader
  /\ prop' = [prop EXCEPT ![p].wal = Append(@, prop[p].term)]
  /\ UNCHANGED <<acc, committed, elected>>

(* a gets the next entry; its log ends below it, unless a bug has kept a     *)
(* tail, which goes then.                                                    *)
AppendEntry(p, a) ==
  LET lsn == prop[p].next[a]
  IN  /\ prop[p].leader
      /\ acc[a].term = prop[p].term
      /\ lsn # Absent
      /\ lsn <= Len(prop[p].wal)
      /\ prop' = [prop EXCEPT ![p].next[a] = lsn + 1]
      /\ acc' = [acc EXCEPT ![a].wal = Append(SubSeq(@, 1, lsn - 1), prop[p].wal[lsn])]
      /\ UNCHANGED <<committed, elected>>

(* p commits what all of a quorum have.  Until that reaches the LSN at which *)
(* its own term begins, a successor could still be elected without it.       *)
CommitEntries(p, Q) ==
  LET lsn == Min({Flush(a) : a \in Q})
  IN  /\ prop[p].leader
      /\ \A a \in Q : acc[a].term = prop[p].term /\ prop[p].next[a] # Absent
      /\ IF Bug = "commit-old" THEN TRUE
         ELSE lsn >= prop[p].history[Len(prop[p].history)][2]
      /\ committed' = committed \cup Entries(p, lsn)
      /\ UNCHANGED <<prop, acc, elected>>

Next ==
  \/ \E Q \in Quorums, p \in Proposer : RestartProposer(p, Q)
  \/ \E p \in Proposer, a \in Acceptor : Vote(p, a)
  \/ \E p \in Proposer : BecomeLeader(p)
  \/ \E p \in Proposer, a \in Acceptor : UpdateTerm(p, a)
  \/ \E p \in Proposer, a \in Acceptor : TruncateWal(p, a)
  \/ \E p \in Proposer : NewEntry(p)
  \/ \E p \in Proposer, a \in Acceptor : AppendEntry(p, a)
  \/ \E Q \in Quorums, p \in Proposer : CommitEntries(p, Q)

Spec == Init /\ [][Next]_vars

Within ==
  \A p \in Proposer : prop[p].term <= MaxTerm /\ Len(prop[p].wal) <= MaxEntries

-----------------------------------------------------------------------------
TypeOK ==
  /\ \A p \in Proposer :
       /\ prop[p].leader \in BOOLEAN
       /\ prop[p].term \in 1..(MaxTerm + 1)
       /\ prop[p].leader = (prop[p].history # <<>>)
       /\ prop[p].leader => LastTerm(prop[p].history) = prop[p].term
       /\ ~prop[p].leader => prop[p].wal = <<>> /\ prop[p].next = Nothing
       /\ \A i \in DOMAIN prop[p].wal : prop[p].wal[i] \in 1..MaxTerm
       /\ \A a \in Acceptor : prop[p].next[a] \in 0..(MaxEntries + 1)
       /\ \A a \in Voters(p) :
            /\ LastTerm(prop[p].votes[a][1]) <= prop[p].term
            /\ prop[p].votes[a][2] \in 1..(MaxEntries + 1)
  /\ \A a \in Acceptor :
       /\ acc[a].term \in 0..MaxTerm
       /\ LastTerm(acc[a].history) <= acc[a].term
       /\ \A i \in DOMAIN acc[a].wal : acc[a].wal[i] \in 1..MaxTerm

ElectionSafety ==
  \A p, q \in Proposer :
    prop[p].leader /\ prop[q].leader /\ prop[p].term = prop[q].term => p = q

ElectionSafetyFull ==
  \A t \in DOMAIN elected : elected[t] <= 1

LogIsMonotonic ==
  \A a \in Acceptor : \A i, j \in DOMAIN acc[a].wal : i < j => acc[a].wal[i] <= acc[a].wal[j]

LogSafety ==
  \A c, d \in committed : c[2] = d[2] => c = d

(* No invariant with five acceptors: three may commit an entry of term 1 in  *)
(* term 3, and then the leader of term 2 cuts it from another one.           *)
CommittedNotTruncated ==
  \A p \in Proposer, a \in Acceptor :
    prop[p].leader /\ acc[a].term = prop[p].term =>
      \A i \in CommonPoint(p, a)..Len(acc[a].wal) : <<acc[a].wal[i], i>> \notin committed
=============================================================================
