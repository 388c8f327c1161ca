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
(*                                                                         *)
(* With membership change, the acceptors that count are those of a         *)
(* configuration.  A store holds the newest one; proposers and acceptors   *)
(* learn of it later, and deal with each other only in the same one.       *)
(* While it changes it is joint: it takes a quorum of the members and one  *)
(* of the new members to be elected and to commit.                         *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets, TLC

CONSTANTS
  Proposer,    \* set of computes
  Acceptor,    \* set of safekeepers
  MaxTerm,     \* the constraint: no proposer asks for a higher term
  MaxEntries,  \* the constraint: no proposer has a longer log
  Generations, \* the constraint: the store goes up to this generation; 0: the
               \* static protocol, all acceptors are members for good
  Donor,       \* of the acceptors with the highest vote, "every" one must still be
               \* in the term when the proposer copies a log, or "some" one, or, with
               \* no symmetry, the one that CHOOSE picks ("named")
  Elections,   \* TRUE: the state counts how often each term was elected
  Bug          \* "none", or the name of the one guard that is broken

VARIABLES
  prop,       \* [Proposer -> what it has: leader, term, votes, history, wal, next]
  acc,        \* [Acceptor -> what it has: term, history, wal]
  committed,  \* the entries ever committed, as <<term, lsn>>
  elected,    \* [term -> how often it was elected], empty without Elections
  store,      \* the configuration in the store
  propConf,   \* [Proposer -> the configuration that it has]
  accConf     \* [Acceptor -> the configuration that it has]

confs == <<store, propConf, accConf>>
vars  == <<prop, acc, committed, elected, store, propConf, accConf>>

Symmetry == Permutations(Proposer) \cup Permutations(Acceptor)

-----------------------------------------------------------------------------
Max(S) == CHOOSE x \in S : \A y \in S : y <= x
Min(S) == CHOOSE x \in S : \A y \in S : x <= y

Need    == IF Bug = "bad-quorum" THEN Max({Cardinality(Acceptor) \div 2, 1})
                                 ELSE Cardinality(Acceptor) \div 2 + 1
Quorums == {Q \in SUBSET Acceptor : Cardinality(Q) >= Need}

(* With membership change: the size of a quorum of a set of members, whether *)
(* a set has one, and the sets with just so many.  Acceptors beside the      *)
(* members may be in such a set.                                             *)
Majority(M)  == IF Bug = "bad-quorum" THEN Max({Cardinality(M) \div 2, 1})
                                      ELSE Cardinality(M) \div 2 + 1
Forms(S, M)  == Cardinality(S \cap M) >= Majority(M)
Minimal(M)   == {S \in SUBSET Acceptor : Cardinality(S \cap M) = Majority(M)}
Belongs(c)   == c.members \cup c.news
Same(p, a)   == propConf[p].generation = accConf[a].generation

(* How a belongs to the configuration of p; each is a way to deal with it.   *)
Ways(p, a) ==
  IF Generations = 0 THEN {"static"}
  ELSE {w \in {"member", "new"} :
          IF w = "member" THEN a \in propConf[p].members ELSE a \in propConf[p].news}

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

(* With membership change all acceptors but one are members at first.        *)
FirstMembers ==
  IF Generations = 0 THEN {Acceptor} ELSE {Acceptor \ {a} : a \in Acceptor}

-----------------------------------------------------------------------------
Init ==
  /\ prop = [p \in Proposer |-> [leader |-> FALSE, term |-> 1, votes |-> NoVotes,
                                 history |-> <<>>, wal |-> <<>>, next |-> Nothing]]
  /\ acc = [a \in Acceptor |-> [term |-> 0, history |-> << <<0, 1>> >>, wal |-> <<>>]]
  /\ committed = {}
  /\ elected = IF Elections THEN [t \in 1..(MaxTerm + 1) |-> 0] ELSE <<>>
  /\ \E M \in FirstMembers :
       LET first == [generation |-> IF Generations = 0 THEN 0 ELSE 1,
                     members |-> M, news |-> {}, joint |-> FALSE]
       IN  /\ store = first
           /\ propConf = [p \in Proposer |-> first]
           /\ accConf = [a \in Acceptor |-> first]

(* p loses all that it knows, and asks for the term after one that it has    *)
(* heard of: the highest of a quorum, or with membership change that of any  *)
(* acceptor, and the configuration of any.                                   *)
RestartProposer(p, heard, c) ==
  /\ prop' = [prop EXCEPT ![p] =
       [leader |-> FALSE, term |-> heard + 1, votes |-> NoVotes,
        history |-> <<>>, wal |-> <<>>, next |-> Nothing]]
  /\ propConf' = [propConf EXCEPT ![p] = c]
  /\ UNCHANGED <<acc, committed, elected, store, accConf>>

Vote(p, a) ==
  /\ ~prop[p].leader
  /\ Same(p, a)
  /\ IF Bug = "vote-twice" THEN acc[a].term <= prop[p].term
                           ELSE acc[a].term < prop[p].term
  /\ prop' = [prop EXCEPT ![p].votes[a] = <<Local(a), Flush(a)>>]
  /\ acc' = [acc EXCEPT ![a].term = prop[p].term]
  /\ UNCHANGED <<committed, elected, confs>>

(* How high a vote is: the term of the last entry counts first.  No log is   *)
(* longer than MaxEntries.                                                   *)
Height(v) ==
  LET h == LastTerm(v[1]) * (MaxEntries + 2) + v[2]
  IN  CASE Bug = "lowest-vote" -> 0 - h
        [] Bug = "flush-first" -> v[2] * (MaxTerm + 1) + LastTerm(v[1])
        [] OTHER                -> h

(* p is elected, and copies the log of the highest vote, from an acceptor    *)
(* that is still in its term: one in a higher term may have another log now. *)
(* Donor says what is meant where several votes are the highest.             *)
BecomeLeader(p) ==
  LET votes   == prop[p].votes
      highest == {a \in Voters(p) : \A b \in Voters(p) : Height(votes[b]) <= Height(votes[a])}
      there   == {a \in highest : acc[a].term = prop[p].term}
      c       == propConf[p]
  IN  /\ ~prop[p].leader
      /\ IF Generations = 0 THEN Cardinality(Voters(p)) >= Need
         ELSE /\ Forms(Voters(p), c.members)
              /\ c.joint => Forms(Voters(p), c.news)
              /\ \A a \in Voters(p) : Same(p, a)
      /\ CASE Donor = "some"  -> there # {}
           [] Donor = "every" -> there = highest
           [] Donor = "named" -> (CHOOSE a \in highest : TRUE) \in there
      /\ LET d == CHOOSE a \in there : TRUE  \* equal votes come of equal logs
         IN  prop' = [prop EXCEPT ![p].leader = TRUE,
                                  ![p].history = Append(votes[d][1], <<prop[p].term, votes[d][2]>>),
                                  ![p].wal = acc[d].wal]
      /\ elected' = IF Elections THEN [elected EXCEPT ![prop[p].term] = @ + 1] ELSE elected
      /\ UNCHANGED <<acc, committed, confs>>

(* a hears of the term of a proposer that is already elected. *)
UpdateTerm(p, a) ==
  /\ prop[p].leader
  /\ acc[a].term < prop[p].term
  /\ acc' = [acc EXCEPT ![a].term = prop[p].term]
  /\ UNCHANGED <<prop, committed, elected, confs>>

(* a cuts what differs from the leader's log, and takes over its history,    *)
(* at each connection anew.                                                  *)
TruncateWal(p, a) ==
  /\ prop[p].leader
  /\ acc[a].term = prop[p].term
  /\ Same(p, a)
  /\ acc' = [acc EXCEPT ![a].history = prop[p].history,
                        ![a].wal = IF Bug = "keep-tail" THEN @ ELSE SubSeq(@, 1, CommonPoint(p, a) - 1)]
  /\ prop' = [prop EXCEPT ![p].next[a] = CommonPoint(p, a)]
  /\ UNCHANGED <<committed, elected, confs>>

NewEntry(p) ==
  /\ prop[p].leader
  /\ prop' = [prop EXCEPT ![p].wal = Append(@, prop[p].term)]
  /\ UNCHANGED <<acc, committed, elected, confs>>

(* a gets the next entry; its log ends below it, unless a bug has kept a     *)
(* tail, which goes then.                                                    *)
AppendEntry(p, a) ==
  LET lsn == prop[p].next[a]
  IN  /\ prop[p].leader
      /\ acc[a].term = prop[p].term
      /\ Same(p, a)
      /\ lsn # Absent
      /\ lsn <= Len(prop[p].wal)
      /\ prop' = [prop EXCEPT ![p].next[a] = lsn + 1]
      /\ acc' = [acc EXCEPT ![a].wal = Append(SubSeq(@, 1, lsn - 1), prop[p].wal[lsn])]
      /\ UNCHANGED <<committed, elected, confs>>

(* p commits what all of a quorum have, in a joint configuration what both   *)
(* quorums have.  Until that reaches the LSN at which its own term begins, a *)
(* successor could still be elected without it.                              *)
CommitEntries(p, Q, R) ==
  LET start == prop[p].history[Len(prop[p].history)][2]
      Upto(S) == Min({Flush(a) : a \in S})
      lsn == Min({Upto(Q), Upto(R)})
  IN  /\ prop[p].leader
      /\ \A a \in Q : Same(p, a)
      /\ \A a \in Q \cup R : acc[a].term = prop[p].term /\ prop[p].next[a] # Absent
      /\ IF Bug = "commit-old" THEN TRUE ELSE lsn >= start
      /\ committed' = committed \cup Entries(p, lsn)
      /\ UNCHANGED <<prop, acc, elected, confs>>

Swap(members, news, joint) ==
  /\ store' = [generation |-> store.generation + 1, members |-> members, news |-> news, joint |-> joint]
  /\ UNCHANGED <<prop, acc, committed, elected, propConf, accConf>>

StartChange(M) ==
  /\ ~store.joint
  /\ M # store.members
  /\ Swap(store.members, M, TRUE)

(* The change ends when quorums of both know of it and the new one has a log *)
(* and a term as high as the highest of the old one.  Otherwise the new      *)
(* members could elect a proposer that lacks what was committed, or one for  *)
(* a term that has had another.                                              *)
FinishChange(Q, R) ==
  LET Position(a) == LastTerm(Local(a)) * (MaxEntries + 2) + Flush(a)
  IN  /\ store.joint
      /\ \A a \in Q \cup R : accConf[a].generation = store.generation
      /\ \A a \in Q, b \in R :
           /\ IF Bug = "finish-unsynced" THEN TRUE ELSE Position(b) >= Position(a)
           /\ acc[b].term >= acc[a].term
      /\ Swap(store.news, {}, FALSE)

AbortChange ==
  /\ store.joint
  /\ Swap(store.members, {}, FALSE)

(* Only an elected proposer goes on in another configuration: one that asks  *)
(* for votes has some of the old one, and must restart.                      *)
ProposerSwitchConf(p, a) ==
  /\ prop[p].leader
  /\ accConf[a].generation > propConf[p].generation
  /\ propConf' = [propConf EXCEPT ![p] = accConf[a]]
  /\ UNCHANGED <<prop, acc, committed, elected, store, accConf>>

AccSwitchConf(a) ==
  /\ accConf[a].generation < store.generation
  /\ accConf' = [accConf EXCEPT ![a] = store]
  /\ UNCHANGED <<prop, acc, committed, elected, store, propConf>>

(* An acceptor that does not belong to its configuration loses all it has.   *)
AccReset(a) ==
  /\ a \notin Belongs(accConf[a])
  /\ acc' = [acc EXCEPT ![a] = [term |-> 0, history |-> << <<0, 1>> >>, wal |-> <<>>]]
  /\ prop' = [p \in Proposer |-> [prop[p] EXCEPT !.next[a] = Absent]]
  /\ UNCHANGED <<committed, elected, confs>>

Restart ==
  IF Generations = 0
  THEN \E Q \in Quorums, p \in Proposer : RestartProposer(p, Max({acc[a].term : a \in Q}), propConf[p])
  ELSE \E p \in Proposer, a, b \in Acceptor : RestartProposer(p, acc[a].term, accConf[b])

SecondQuorums(p, Q) ==
  IF propConf[p].joint THEN Minimal(propConf[p].news) ELSE {Q}

Commit ==
  IF Generations = 0
  THEN \E Q \in Quorums, p \in Proposer : CommitEntries(p, Q, Q)
  ELSE \E p \in Proposer : \E Q \in Minimal(propConf[p].members) :
         \E R \in SecondQuorums(p, Q) : CommitEntries(p, Q, R)

Change ==
  /\ Generations > 0
  /\ \/ \E M \in SUBSET Acceptor : StartChange(M)
     \/ \E Q \in Minimal(store.members), R \in Minimal(store.news) : FinishChange(Q, R)
     \/ AbortChange
     \/ \E p \in Proposer, a \in Acceptor : ProposerSwitchConf(p, a)
     \/ \E a \in Acceptor : AccSwitchConf(a)
     \/ \E a \in Acceptor : AccReset(a)

Next ==
  \/ Restart
  \/ \E p \in Proposer, a \in Acceptor : \E way \in Ways(p, a) : Vote(p, a)
  \/ \E p \in Proposer : BecomeLeader(p)
  \/ \E p \in Proposer, a \in Acceptor : UpdateTerm(p, a)
  \/ \E p \in Proposer, a \in Acceptor : TruncateWal(p, a)
  \/ \E p \in Proposer : NewEntry(p)
  \/ \E p \in Proposer, a \in Acceptor : \E way \in Ways(p, a) : AppendEntry(p, a)
  \/ Commit
  \/ Change

Spec == Init /\ [][Next]_vars

Within ==
  /\ \A p \in Proposer : prop[p].term <= MaxTerm /\ Len(prop[p].wal) <= MaxEntries
  /\ store.generation <= Generations

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
