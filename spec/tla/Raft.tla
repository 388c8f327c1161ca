-------------------------------- MODULE Raft --------------------------------
(***************************************************************************)
(* Raft as the library go.etcd.io/raft/v3 implements it: elections, logs,  *)
(* heartbeats, snapshots, durable state, and members that change one at a  *)
(* time or through a joint configuration. The actions have the names of    *)
(* the library's own module; the text is ours. spec/raft is the same model *)
(* in Go.                                                                  *)
(*                                                                         *)
(* A change of members takes effect on a server when the server applies    *)
(* its entry, after it is committed. A server therefore lags behind by its *)
(* own configuration, and three guards keep quorums overlapping: Propose,  *)
(* BecomeLeader (pending) and Timeout (unapplied).                         *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets, TLC

CONSTANTS Server, Member, Nil, First,     \* First: the first leader, a member, or Nil
          MaxTerm, MaxLog, Requests, MaxMessages, Batch, Changes, Restarts,
          Joint, Learners, HasReady, Loss, Duplicates, Heartbeats, Snapshots, StepDown,
          Bug

VARIABLES messages,   \* under way: a function from messages to how often
          server,     \* server by server: see InitServer
          elected,    \* pairs of a term and who became its leader
          proposed,   \* changes proposed
          restarts

vars == <<messages, server, elected, proposed, restarts>>

Min(a, b) == IF a < b THEN a ELSE b
Max(a, b) == IF a > b THEN a ELSE b
SetMax(s) == IF s = {} THEN 0 ELSE CHOOSE x \in s : \A y \in s : y <= x
LastTerm(log) == IF log = <<>> THEN 0 ELSE log[Len(log)].term
TermAt(log, k) == IF k = 0 THEN 0 ELSE log[k].term
IsPrefix(a, b) == Len(a) <= Len(b) /\ SubSeq(b, 1, Len(a)) = a

Majority(yes, of) == 2 * Cardinality(yes \cap of) > Cardinality(of)

-----------------------------------------------------------------------------
(* Messages: a bag. *)

Put(bag, m) == IF m \in DOMAIN bag THEN [bag EXCEPT ![m] = @ + 1] ELSE bag @@ (m :> 1)
Take(bag, m) == IF bag[m] > 1 THEN [bag EXCEPT ![m] = @ - 1] ELSE [x \in DOMAIN bag \ {m} |-> bag[x]]
RECURSIVE Count(_)
Count(bag) == IF DOMAIN bag = {} THEN 0 ELSE LET m == CHOOSE x \in DOMAIN bag : TRUE IN bag[m] + Count([x \in DOMAIN bag \ {m} |-> bag[x]])
Times(bag, m) == IF m \in DOMAIN bag THEN bag[m] ELSE 0
Both(a, b) == [m \in DOMAIN a \cup DOMAIN b |-> Times(a, m) + Times(b, m)]
RECURSIVE Waiting(_)
Waiting(s) == IF s = {} THEN 0 ELSE LET i == CHOOSE x \in s : TRUE IN Count(server[i].outbox) + Waiting(s \ {i})

Early == ~HasReady \/ Bug = "send-before-durable"

\* Whether one more request may be sent.
Room(m) == /\ Count(messages) + Waiting(Server) < MaxMessages
           /\ m \notin DOMAIN messages
           /\ m \notin DOMAIN server[m.from].outbox

\* Server i becomes v, and sends m.
Say(i, v, bag, m) ==
    IF Early THEN /\ messages' = Put(bag, m)
                  /\ server' = [server EXCEPT ![i] = v]
    ELSE /\ messages' = bag
         /\ server' = [server EXCEPT ![i] = [v EXCEPT !.outbox = Put(@, m)]]

Request(i, m) == Room(m) /\ Say(i, server[i], messages, m) /\ UNCHANGED <<elected, proposed, restarts>>

Only(i, v) == server' = [server EXCEPT ![i] = v]

-----------------------------------------------------------------------------
(* Configurations. *)

Electors(c) == c.voters \cup c.outgoing
Tracked(c) == Electors(c) \cup c.learners
IsJoint(c) == c.outgoing # {}

IsQuorum(c, yes) ==
    CASE Bug = "learner-counts" -> Majority(yes, c.voters \cup c.learners)
      [] OTHER -> /\ Majority(yes, c.voters)
                  /\ IsJoint(c) /\ Bug # "joint-by-incoming" => Majority(yes, c.outgoing)

One(c, s) ==
    LET i == s.server IN
    CASE s.verb = "add" -> [c EXCEPT !.voters = @ \cup {i}, !.learners = @ \ {i}, !.next = @ \ {i}]
      [] s.verb = "remove" -> [c EXCEPT !.voters = @ \ {i}, !.learners = @ \ {i}, !.next = @ \ {i}]
      [] s.verb = "learn" -> IF i \in c.learners THEN c
                             ELSE IF i \in c.outgoing THEN [c EXCEPT !.voters = @ \ {i}, !.next = @ \cup {i}]
                             ELSE [c EXCEPT !.voters = @ \ {i}, !.learners = @ \cup {i}]

RECURSIVE All(_, _)
All(c, singles) == IF singles = <<>> THEN c ELSE All(One(c, Head(singles)), Tail(singles))

Difference(a, b) == (a \ b) \cup (b \ a)

Applies(c, ch) ==
    CASE ch.kind = "leave" -> IsJoint(c)
      [] ch.kind = "simple" -> /\ ~IsJoint(c)
                               /\ All(c, ch.singles).voters # {}
                               /\ Cardinality(Difference(All(c, ch.singles).voters, c.voters)) <= 1
      [] ch.kind = "joint" -> ~IsJoint(c) /\ c.voters # {} /\ All([c EXCEPT !.outgoing = c.voters], ch.singles).voters # {}

After(c, ch) ==
    CASE ch.kind = "leave" -> [voters |-> c.voters, outgoing |-> {}, learners |-> c.learners \cup c.next, next |-> {}]
      [] ch.kind = "simple" -> All(c, ch.singles)
      [] ch.kind = "joint" -> All([c EXCEPT !.outgoing = c.voters], ch.singles)

IsChange(e) == e.change.kind # "none"
NoChange == [kind |-> "none", singles |-> <<>>]

\* The first change that is committed and not applied, 0 when there is none.
Unapplied(v) ==
    LET ks == {k \in (v.applied + 1)..Min(v.commit, Len(v.log)) : IsChange(v.log[k])}
    IN IF ks = {} THEN 0 ELSE CHOOSE k \in ks : \A x \in ks : k <= x

-----------------------------------------------------------------------------

Base == [voters |-> Member, outgoing |-> {},
         learners |-> IF Learners /\ Changes = 0 THEN Server \ Member ELSE {}, next |-> {}]

InitServer(i) ==
    LET led == First # Nil /\ i \in Member
        t == IF led THEN 1 ELSE 0
        v == IF led THEN First ELSE Nil
    IN [term |-> t, vote |-> v, role |-> IF i = First THEN "leader" ELSE "follower", log |-> <<>>, commit |-> 0,
        config |-> Base, applied |-> 0, responded |-> {}, granted |-> {}, match |-> [j \in Server |-> 0], pending |-> 0,
        durable |-> [term |-> t, vote |-> v, log |-> <<>>, commit |-> 0, config |-> Base, applied |-> 0], outbox |-> <<>>]

Init == /\ messages = << >>
        /\ server = [i \in Server |-> InitServer(i)]
        /\ elected = IF First = Nil THEN {} ELSE {<<1, First>>}
        /\ proposed = 0
        /\ restarts = 0

Volatile(v) == [v EXCEPT !.role = "follower", !.responded = {}, !.granted = {}, !.match = [j \in Server |-> 0], !.pending = 0]

BecomeFollower(v, t) == IF v.term = t THEN Volatile(v) ELSE [Volatile(v) EXCEPT !.term = t, !.vote = Nil]

Restart(i) ==
    /\ restarts < Restarts
    /\ restarts' = restarts + 1
    /\ LET v == server[i]
           d == v.durable
       IN Only(i, IF HasReady THEN [Volatile(v) EXCEPT !.term = d.term, !.vote = d.vote, !.log = d.log, !.commit = d.commit,
                                                       !.config = d.config, !.applied = d.applied, !.outbox = <<>>]
                  ELSE Volatile(v))
    /\ UNCHANGED <<messages, elected, proposed>>

Timeout(i) ==
    LET v == server[i] IN
    /\ v.role # "leader" /\ i \in Electors(v.config) /\ v.term < MaxTerm
    /\ Unapplied(v) = 0 \/ Bug = "campaign-unapplied"
    /\ Only(i, [Volatile(v) EXCEPT !.term = @ + 1, !.vote = i, !.role = "candidate",
                                   !.responded = IF HasReady THEN {} ELSE {i}, !.granted = IF HasReady THEN {} ELSE {i}])
    /\ UNCHANGED <<messages, elected, proposed, restarts>>

Blank == [kind |-> "", from |-> Nil, to |-> Nil, term |-> 0, index |-> 0, logTerm |-> 0, entries |-> <<>>, commit |-> 0, reject |-> FALSE]

RequestVote(i, j) ==
    LET v == server[i] IN
    /\ v.role = "candidate" /\ j \in Electors(v.config) \ v.responded
    /\ i # j \/ HasReady
    /\ Request(i, IF i = j THEN [Blank EXCEPT !.kind = "voteResponse", !.from = i, !.to = i, !.term = v.term]
                  ELSE [Blank EXCEPT !.kind = "vote", !.from = i, !.to = j, !.term = v.term, !.index = Len(v.log), !.logTerm = LastTerm(v.log)])

BecomeLeader(i) ==
    LET v == server[i] IN
    /\ v.role = "candidate" /\ IsQuorum(v.config, v.granted)
    /\ Only(i, [Volatile(v) EXCEPT !.role = "leader", !.match = [j \in Server |-> IF j = i THEN Len(v.log) ELSE 0],
                                   !.pending = IF Bug = "forget-pending" THEN 0 ELSE Len(v.log)])
    /\ elected' = elected \cup {<<v.term, i>>}
    /\ UNCHANGED <<messages, proposed, restarts>>

CanReplicate(i) == server[i].role = "leader" /\ i \in Tracked(server[i].config) /\ Len(server[i].log) < MaxLog

Replicated(i, ch) ==
    LET v == server[i] IN
    [v EXCEPT !.log = Append(@, [term |-> v.term, change |-> ch]),
              !.match = IF HasReady THEN @ ELSE [@ EXCEPT ![i] = Len(v.log) + 1]]

ClientRequest(i) ==
    /\ CanReplicate(i)
    /\ Cardinality({k \in 1..Len(server[i].log) : ~IsChange(server[i].log[k])}) < Requests
    /\ Only(i, Replicated(i, NoChange))
    /\ UNCHANGED <<messages, elected, proposed, restarts>>

\* The highest index up to which a quorum's logs match. One server short of a majority is the bug commit-short.
Enough(yes, of) == IF Bug = "commit-short" THEN 2 * Cardinality(yes \cap of) + 2 > Cardinality(of) /\ yes \cap of # {} ELSE Majority(yes, of)
Agreed(v) ==
    LET yes(k) == {j \in Server : v.match[j] >= k}
        voters == IF Bug = "learner-counts" THEN v.config.voters \cup v.config.learners ELSE v.config.voters
    IN SetMax({k \in 1..Len(v.log) : /\ Enough(yes(k), voters)
                                     /\ IsJoint(v.config) /\ Bug # "joint-by-incoming" => Enough(yes(k), v.config.outgoing)})

AdvanceCommitIndex(i) ==
    LET v == server[i]
        k == Agreed(v)
    IN /\ v.role = "leader" /\ k > v.commit
       /\ v.log[k].term = v.term \/ Bug = "commit-old-term"
       /\ Only(i, [v EXCEPT !.commit = k])
       /\ UNCHANGED <<messages, elected, proposed, restarts>>

Sends(i, j) == server[i].role = "leader" /\ i # j /\ j \in Tracked(server[i].config)

AppendEntries(i, j, prev, count) ==
    LET v == server[i] IN
    /\ Sends(i, j)
    /\ Request(i, [Blank EXCEPT !.kind = "append", !.from = i, !.to = j, !.term = v.term, !.index = prev, !.logTerm = TermAt(v.log, prev),
                                !.entries = SubSeq(v.log, prev + 1, prev + count), !.commit = v.commit])

\* What is behind the match, and an empty message where there is nothing to send.
SomeAppendEntries(i, j) ==
    \E prev \in server[i].match[j]..Len(server[i].log) :
      \E count \in Min(1, Len(server[i].log) - prev)..Min(Batch, Len(server[i].log) - prev) : AppendEntries(i, j, prev, count)

AppendEntriesToSelf(i) ==
    LET v == server[i] IN
    /\ v.role = "leader" /\ v.match[i] < Len(v.log)
    /\ Request(i, [Blank EXCEPT !.kind = "appendResponse", !.from = i, !.to = i, !.term = v.term, !.index = Len(v.log)])

Heartbeat(i, j) ==
    LET v == server[i] IN
    /\ Sends(i, j)
    /\ Request(i, [Blank EXCEPT !.kind = "heartbeat", !.from = i, !.to = j, !.term = v.term,
                                !.commit = IF Bug = "heartbeat-unmatched" THEN v.commit ELSE Min(v.commit, v.match[j])])

SendSnapshot(i, j, k) ==
    LET v == server[i] IN
    /\ Sends(i, j) /\ k <= Len(v.log)
    /\ Request(i, [Blank EXCEPT !.kind = "snapshot", !.from = i, !.to = j, !.term = v.term, !.entries = SubSeq(v.log, 1, k)])

StepDownToFollower(i) ==
    /\ server[i].role # "follower"
    /\ Only(i, Volatile(server[i]))
    /\ UNCHANGED <<messages, elected, proposed, restarts>>

Propose(i, ch) ==
    LET v == server[i] IN
    /\ v.role = "leader" /\ (proposed < Changes \/ ch.kind = "leave")
    /\ Bug # "change-unapplied" => /\ v.pending <= v.commit
                                   /\ Unapplied(v) = 0 \/ Unapplied(v) > v.pending
                                   /\ Applies(v.config, ch)
    /\ CanReplicate(i)
    /\ Only(i, [Replicated(i, ch) EXCEPT !.pending = Len(v.log) + 1])
    /\ proposed' = proposed + (IF ch.kind = "leave" THEN 0 ELSE 1)
    /\ UNCHANGED <<messages, elected, restarts>>

Simply(verb, j) == [kind |-> "simple", singles |-> <<[verb |-> verb, server |-> j]>>]

AddNewServer(i, j) == ~IsJoint(server[i].config) /\ j \notin server[i].config.voters /\ Propose(i, Simply("add", j))
AddLearner(i, j) == Learners /\ ~IsJoint(server[i].config) /\ j \notin Tracked(server[i].config) /\ Propose(i, Simply("learn", j))
DeleteServer(i, j) == ~IsJoint(server[i].config) /\ j \in Tracked(server[i].config) /\ Propose(i, Simply("remove", j))
ChangeJointly(i, in, out) ==
    /\ Joint /\ ~IsJoint(server[i].config) /\ in \notin server[i].config.voters /\ out \in server[i].config.voters
    /\ Propose(i, [kind |-> "joint", singles |-> <<[verb |-> "add", server |-> in], [verb |-> "remove", server |-> out]>>])
LeaveJoint(i) == Joint /\ IsJoint(server[i].config) /\ Propose(i, [kind |-> "leave", singles |-> <<>>])

ApplyConfChange(i) ==
    LET v == server[i]
        k == Unapplied(v)
    IN /\ k # 0
       /\ Applies(v.config, v.log[k].change)
       /\ LET c == After(v.config, v.log[k].change)
          IN Only(i, [v EXCEPT !.config = c, !.applied = k,
                               !.match = IF v.role # "leader" THEN @
                                         ELSE [j \in Server |-> IF j \in Tracked(v.config) \cap Tracked(c) THEN v.match[j] ELSE 0]])
       /\ UNCHANGED <<messages, elected, proposed, restarts>>

Ready(i) ==
    LET v == server[i]
        d == [term |-> v.term, vote |-> v.vote, log |-> v.log, commit |-> v.commit, config |-> v.config, applied |-> v.applied]
    IN /\ HasReady /\ (v.outbox # <<>> \/ v.durable # d)
       /\ messages' = Both(messages, v.outbox)
       /\ Only(i, [v EXCEPT !.durable = d, !.outbox = <<>>])
       /\ UNCHANGED <<elected, proposed, restarts>>

-----------------------------------------------------------------------------
(* Receive: i is who receives m, v what it is once it has seen the term. *)

Answer(i, v, m, a) == Say(i, v, Take(messages, m), [a EXCEPT !.from = i, !.to = m.from, !.term = v.term])
Quietly(i, v, m) == messages' = Take(messages, m) /\ Only(i, v)

HandleRequestVoteRequest(i, v, m) ==
    LET upToDate == m.logTerm > LastTerm(v.log) \/ m.logTerm = LastTerm(v.log) /\ m.index >= Len(v.log)
        grant == /\ v.vote \in {Nil, m.from} \/ Bug = "vote-twice"
                 /\ upToDate \/ Bug = "vote-behind"
    IN Answer(i, IF grant THEN [v EXCEPT !.vote = m.from] ELSE v, m, [Blank EXCEPT !.kind = "voteResponse", !.reject = ~grant])

HandleRequestVoteResponse(i, v, m) ==
    IF v.role # "candidate" \/ m.from \in v.responded THEN Quietly(i, v, m)
    ELSE Quietly(i, [v EXCEPT !.responded = @ \cup {m.from}, !.granted = IF m.reject THEN @ ELSE @ \cup {m.from}], m)

HandleAppendEntriesRequest(i, v, m) ==
    LET ok == m.index <= Len(v.log)
        fits == ok /\ TermAt(v.log, m.index) = m.logTerm
        last == m.index + Len(m.entries)
        differ == {k \in 1..Len(m.entries) : m.index + k > Len(v.log) \/ v.log[m.index + k].term # m.entries[k].term}
        from == CHOOSE k \in differ : \A x \in differ : k <= x
        log == CASE Bug = "truncate-always" -> SubSeq(v.log, 1, m.index) \o m.entries
                 [] differ = {} -> v.log
                 [] OTHER -> SubSeq(v.log, 1, m.index + from - 1) \o SubSeq(m.entries, from, Len(m.entries))
        a == [Blank EXCEPT !.kind = "appendResponse"]
    IN IF m.index < v.commit THEN Answer(i, v, m, [a EXCEPT !.index = v.commit])
       ELSE IF ~fits /\ ~(Bug = "append-unchecked" /\ ok) THEN Answer(i, v, m, [a EXCEPT !.index = m.index, !.reject = TRUE])
       ELSE Answer(i, [v EXCEPT !.log = log, !.commit = Max(@, Min(m.commit, last))], m, [a EXCEPT !.index = last])

RECURSIVE Replay(_, _)
Replay(c, log) == IF log = <<>> THEN c ELSE Replay(IF IsChange(Head(log)) THEN After(c, Head(log).change) ELSE c, Tail(log))

HandleSnapshotRequest(i, v, m) ==
    LET k == Len(m.entries)
        c == Replay(Base, m.entries)
        a == [Blank EXCEPT !.kind = "appendResponse"]
    IN IF k <= v.commit \/ i \notin Tracked(c) THEN Answer(i, v, m, [a EXCEPT !.index = v.commit])
       ELSE IF k <= Len(v.log) /\ TermAt(v.log, k) = LastTerm(m.entries) THEN Answer(i, [v EXCEPT !.commit = k], m, [a EXCEPT !.index = k])
       ELSE Answer(i, [v EXCEPT !.log = m.entries, !.commit = k, !.applied = SetMax({x \in 1..k : IsChange(m.entries[x])}),
                                !.config = IF Bug = "snapshot-keeps-voter" THEN @ ELSE c], m, [a EXCEPT !.index = k])

HandleAppendEntriesResponse(i, v, m) ==
    IF v.role # "leader" \/ m.reject \/ m.from \notin Tracked(v.config) \/ m.index <= v.match[m.from] THEN Quietly(i, v, m)
    ELSE Quietly(i, [v EXCEPT !.match = [@ EXCEPT ![m.from] = m.index]], m)

FromLeader(m) == m.kind \in {"append", "heartbeat", "snapshot"}

Receive(m) ==
    LET i == m.to
        u == IF m.term > server[i].term THEN BecomeFollower(server[i], m.term) ELSE server[i]
        v == IF FromLeader(m) /\ u.role = "candidate" THEN Volatile(u) ELSE u
    IN /\ CASE m.term < server[i].term -> Quietly(i, server[i], m)
            [] m.kind = "vote" -> HandleRequestVoteRequest(i, v, m)
            [] m.kind = "voteResponse" -> HandleRequestVoteResponse(i, v, m)
            [] FromLeader(m) /\ v.role = "leader" -> Quietly(i, v, m)
            [] m.kind = "append" -> HandleAppendEntriesRequest(i, v, m)
            [] m.kind = "heartbeat" -> Answer(i, [v EXCEPT !.commit = Max(@, m.commit)], m, [Blank EXCEPT !.kind = "heartbeatResponse"])
            [] m.kind = "snapshot" -> HandleSnapshotRequest(i, v, m)
            [] m.kind = "appendResponse" -> HandleAppendEntriesResponse(i, v, m)
            [] m.kind = "heartbeatResponse" -> Quietly(i, v, m)
       /\ UNCHANGED <<elected, proposed, restarts>>

DuplicateMessage(m) ==
    /\ messages[m] = 1 /\ Count(messages) < MaxMessages
    /\ messages' = Put(messages, m)
    /\ UNCHANGED <<server, elected, proposed, restarts>>

DropMessage(m) == messages' = Take(messages, m) /\ UNCHANGED <<server, elected, proposed, restarts>>

Next ==
    \/ \E i \in Server : \/ Restart(i) \/ Timeout(i) \/ BecomeLeader(i) \/ ClientRequest(i) \/ AdvanceCommitIndex(i)
                         \/ HasReady /\ AppendEntriesToSelf(i) \/ StepDown /\ StepDownToFollower(i) \/ LeaveJoint(i)
                         \/ ApplyConfChange(i) \/ Ready(i)
    \/ \E i, j \in Server : \/ RequestVote(i, j) \/ SomeAppendEntries(i, j) \/ Heartbeats /\ Heartbeat(i, j)
                            \/ Snapshots /\ \E k \in (server[i].match[j] + 1)..server[i].commit : SendSnapshot(i, j, k)
                            \/ AddNewServer(i, j) \/ AddLearner(i, j) \/ DeleteServer(i, j)
                            \/ \E out \in Server : ChangeJointly(i, j, out)
    \/ \E m \in DOMAIN messages : Receive(m) \/ Duplicates /\ DuplicateMessage(m) \/ Loss /\ DropMessage(m)

Spec == Init /\ [][Next]_vars

Symmetry == LET rest == Server \ Member IN
    {p @@ q @@ r : p \in Permutations(Member \ {First}), q \in Permutations(rest), r \in {[x \in {First} \cap Server |-> x]}}

-----------------------------------------------------------------------------
Committed(v) == SubSeq(v.log, 1, Min(v.commit, Len(v.log)))

TypeOK ==
    \A i \in Server : LET v == server[i] c == v.config IN
        /\ v.commit <= Len(v.log) /\ v.applied <= v.commit /\ v.pending <= Len(v.log)
        /\ v.granted \subseteq v.responded /\ (v.role # "candidate" => v.responded = {})
        /\ c.learners \cap Electors(c) = {} /\ c.next \subseteq c.outgoing

ElectionSafety == \A e, f \in elected : e[1] = f[1] => e = f

MoreThanOneLeaderInv ==
    \A i, j \in Server : server[i].role = "leader" /\ server[j].role = "leader" /\ server[i].term = server[j].term => i = j

LogInv == \A i, j \in Server : IsPrefix(Committed(server[i]), Committed(server[j])) \/ IsPrefix(Committed(server[j]), Committed(server[i]))

LastOf(log, t) == SetMax({k \in 1..Len(log) : log[k].term = t})
ElectionSafetyInv ==
    \A i, j \in Server : server[i].role = "leader" => LastOf(server[i].log, server[i].term) >= LastOf(server[j].log, server[i].term)

LogMatchingInv ==
    \A i, j \in Server : \A k \in 1..Min(Len(server[i].log), Len(server[j].log)) :
        server[i].log[k].term = server[j].log[k].term => SubSeq(server[i].log, 1, k) = SubSeq(server[j].log, 1, k)

\* A server that has not applied what it knows to be committed does not campaign, so its quorums decide nothing.
QuorumLogInv ==
    \A i \in Server : LET v == server[i]
                          without == {j \in Server : ~IsPrefix(Committed(v), server[j].log)}
                      IN v.commit > 0 /\ Unapplied(v) = 0 =>
                             ~(Majority(without, v.config.voters) /\ (IsJoint(v.config) => Majority(without, v.config.outgoing)))

MoreUpToDateCorrectInv ==
    \A i, j \in Server : LET a == server[i].log b == server[j].log IN
        LastTerm(a) > LastTerm(b) \/ LastTerm(a) = LastTerm(b) /\ Len(a) >= Len(b) => IsPrefix(Committed(server[j]), a)

\* Of the terms of servers, not of entries: an entry of term 1 may be committed in term 3, while one who won term 2 without it still
\* takes itself for a leader.
LeaderCompletenessInv ==
    \A i, j \in Server : server[i].role = "leader" /\ server[i].term >= server[j].term => IsPrefix(Committed(server[j]), server[i].log)

CommittedIsDurableInv == HasReady => \A i \in Server : server[i].role = "leader" => server[i].commit <= Len(server[i].durable.log)
=============================================================================
