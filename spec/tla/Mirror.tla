------------------------------- MODULE Mirror -------------------------------
(***************************************************************************)
(* What databases stood on before Aurora.  A volume is a chain of copies   *)
(* in one availability zone: the database writes to the first, each copy   *)
(* forwards to the next, and the last one answers, writes and reads (an    *)
(* EBS pair).  Mirrored MySQL has such a volume in each of two zones, and  *)
(* a write is acknowledged when the last copy of both has it: all four.    *)
(* With one copy in one zone it is a database on its own local disk.       *)
(*                                                                         *)
(* A control plane that does not fail names the newest database instance   *)
(* and the zones that are in sync: those from which a successor may start. *)
(* A volume is attached to one instance, and refuses the writes of every   *)
(* other, so that an instance that was replaced, but lives, can            *)
(* acknowledge nothing new.                                                *)
(*                                                                         *)
(* An instance never "crashes": its successor may start at any moment, and *)
(* the old one may go on, or not.  A zone that is out for a while is one   *)
(* in which nothing happens for a while.  What is modelled as a failure is *)
(* the loss of data: of a copy, or of a zone with all that is in it.       *)
(***************************************************************************)
EXTENDS Integers, FiniteSets, Sequences

CONSTANTS
  Zones,      \* how many zones have a volume: 1, or 2 for mirrored
  Copies,     \* copies in each volume
  MaxWrite,   \* most writes
  MaxEpoch,   \* most instances, first one included
  CopyLosses, \* most copies lost one by one
  ZoneLosses, \* most zones lost
  Repair,     \* TRUE: chains, mirrors and instances are replaced
  Suspect,    \* TRUE: what is taken out for lost may only be slow
  Overwrite,  \* TRUE: no drain, an instance writes in the place of what it does not have
  Bug         \* "none", or the name of the one guard that is broken

Zone  == 1..Zones
Epoch == 1..MaxEpoch

VARIABLES
  newest,     \* control plane: the newest instance
  insync,     \* control plane: zones from which a successor may start
  phase,      \* [Epoch -> "unborn" | "attached" | "read" | "open" | "dead"]
  home,       \* [Epoch -> the zone that the instance is in, or 0]
  log,        \* [Epoch -> the writes of the volume as that instance has them]
  waits,      \* [Epoch -> zones whose answer it waits for]
  taken,      \* [Epoch -> how many writes it has Read; those behind are its own]
  owner,      \* [Zone -> the instance that its volume is attached to]
  chain,      \* [Zone -> its copies, first to last; empty once it is lost]
  issued,     \* how many writes there were; they are numbered from 1
  acked,      \* writes that the client has been told of
  lost,       \* how many copies were lost one by one
  burnt       \* how many zones were lost

vars == <<newest, insync, phase, home, log, waits, taken, owner, chain, issued, acked, lost, burnt>>

-----------------------------------------------------------------------------
In(s) == {s[i] : i \in 1..Len(s)}
Prefix(s, t) == Len(s) <= Len(t) /\ s = SubSeq(t, 1, Len(s))
Max(S) == CHOOSE x \in S : \A y \in S : y <= x
Common(s, t) == SubSeq(s, 1, Max({n \in 0..Len(s) : Prefix(SubSeq(s, 1, n), t)}))

Copy(l) == [ok |-> TRUE, log |-> l]
Lost    == [ok |-> FALSE, log |-> <<>>]
Index(a)   == 1..Len(chain[a])
Last(a)    == chain[a][Len(chain[a])]       \* of a chain that is not empty
Working(a) == chain[a] # <<>> /\ \A i \in Index(a) : chain[a][i].ok
Gone(a)    == \A i \in Index(a) : ~chain[a][i].ok

Writes(e)  == phase[e] \in {"read", "open"}

(* What of the log of a copy of zone a counts.  With Overwrite a copy may  *)
(* have more than the instance that it is attached to has Read; that goes  *)
(* no further, for the instance writes something else in its place.        *)
Kept(a, l) == IF Overwrite /\ Writes(owner[a]) THEN Common(l, log[owner[a]]) ELSE l

(* The writes that every copy has from which a successor may start.        *)
AllLogs == UNION {{chain[a][i].log : i \in {j \in Index(a) : chain[a][j].ok}} : a \in insync}
Agreed(l) == SubSeq(l, 1, Max({n \in 0..Len(l) : \A t \in AllLogs : Prefix(SubSeq(l, 1, n), t)}))

(* Zone a has answered that write w is stored. *)
Answered(a, w) ==
  /\ chain[a] # <<>>
  /\ LET c == IF Bug = "ack-at-head" THEN chain[a][1] ELSE Last(a)
     IN  c.ok /\ w \in In(IF Bug = "answer-deposed" THEN c.log ELSE Kept(a, c.log))

-----------------------------------------------------------------------------
Init ==
  /\ newest = 1 /\ insync = Zone
  /\ phase = [e \in Epoch |-> IF e = 1 THEN "open" ELSE "unborn"]
  /\ home  = [e \in Epoch |-> IF e = 1 THEN 1 ELSE 0]
  /\ log   = [e \in Epoch |-> <<>>]
  /\ waits = [e \in Epoch |-> IF e = 1 THEN Zone ELSE {}]
  /\ taken = [e \in Epoch |-> 0]
  /\ owner = [a \in Zone |-> 1]
  /\ chain = [a \in Zone |-> [i \in 1..Copies |-> Copy(<<>>)]]
  /\ issued = 0 /\ acked = {} /\ lost = 0 /\ burnt = 0

(* The database of e writes: a log record or a page, it makes no           *)
(* difference here.                                                        *)
Issue(e) ==
  /\ Writes(e) /\ issued < MaxWrite
  /\ issued' = issued + 1
  /\ log' = [log EXCEPT ![e] = Append(@, issued + 1)]
  /\ UNCHANGED <<newest, insync, phase, home, waits, taken, owner, chain, acked, lost, burnt>>

(* The first copy of zone a stores the next write of e. *)
Store(e, a) ==
  /\ Writes(e) /\ chain[a] # <<>>
  /\ (Bug # "attach-twice") => owner[a] = e
  /\ LET i == IF Bug = "store-at-tail" THEN Len(chain[a]) ELSE 1
         c == chain[a][i]
         l == IF Overwrite THEN Common(c.log, log[e]) ELSE c.log
     IN  /\ c.ok /\ Len(l) < Len(log[e])
         /\ chain' = [chain EXCEPT ![a][i].log = Append(l, log[e][Len(l) + 1])]
  /\ UNCHANGED <<newest, insync, phase, home, log, waits, taken, owner, issued, acked, lost, burnt>>

(* Copy i of zone a forwards the next write to the one after it. *)
Forward(a, i) ==
  /\ i < Len(chain[a]) /\ chain[a][i].ok /\ chain[a][i+1].ok
  /\ LET f == Kept(a, chain[a][i].log)
         l == IF Overwrite THEN Common(chain[a][i+1].log, f) ELSE chain[a][i+1].log
     IN  /\ Len(l) < Len(f)
         /\ chain' = [chain EXCEPT ![a][i+1].log = Append(l, f[Len(l) + 1])]
  /\ UNCHANGED <<newest, insync, phase, home, log, waits, taken, owner, issued, acked, lost, burnt>>

(* The client is told that w is written: by all that e waits for. *)
Ack(e, w) ==
  /\ phase[e] = "open" /\ w \in In(log[e]) /\ w \notin acked
  /\ \A a \in (IF Bug = "ack-before-mirror" THEN {home[e]} ELSE waits[e]) : Answered(a, w)
  /\ acked' = acked \cup {w}
  /\ UNCHANGED <<newest, insync, phase, home, log, waits, taken, owner, chain, issued, lost, burnt>>

-----------------------------------------------------------------------------
(* Copy i of zone a is lost. *)
Lose(a, i) ==
  /\ lost < CopyLosses /\ chain[a][i].ok
  /\ chain' = [chain EXCEPT ![a][i] = Lost]
  /\ lost' = lost + 1
  /\ UNCHANGED <<newest, insync, phase, home, log, waits, taken, owner, issued, acked, burnt>>

(* Zone a is lost, with the copies and the instances in it. *)
Burn(a) ==
  /\ burnt < ZoneLosses /\ chain[a] # <<>>
  /\ chain' = [chain EXCEPT ![a] = <<>>]
  /\ phase' = [e \in Epoch |-> IF home[e] = a THEN "dead" ELSE phase[e]]
  /\ log'   = [e \in Epoch |-> IF home[e] = a THEN <<>> ELSE log[e]]
  /\ waits' = [e \in Epoch |-> IF home[e] = a THEN {} ELSE waits[e]]
  /\ burnt' = burnt + 1
  /\ UNCHANGED <<newest, insync, home, taken, owner, issued, acked, lost>>

(* A copy is taken out of its chain.  The one that stays takes its part:   *)
(* the first copy has all that the last one had, and what the last one     *)
(* lacks of the first was not acknowledged, and is sent again.             *)
Drop(a, i) ==
  /\ Repair /\ Len(chain[a]) = 2 /\ chain[a][3-i].ok
  /\ ~Suspect => ~chain[a][i].ok
  /\ chain' = [chain EXCEPT ![a] = <<chain[a][3-i]>>]
  /\ UNCHANGED <<newest, insync, phase, home, log, waits, taken, owner, issued, acked, lost, burnt>>

(* A new copy becomes the last of the chain, with all that the one before  *)
(* it has.                                                                 *)
Join(a) ==
  /\ Repair /\ Len(chain[a]) = 1 /\ Copies = 2 /\ chain[a][1].ok
  /\ chain' = [chain EXCEPT ![a] =
       Append(@, Copy(IF Bug = "join-unfilled" THEN <<>> ELSE Kept(a, @[1].log)))]
  /\ UNCHANGED <<newest, insync, phase, home, log, waits, taken, owner, issued, acked, lost, burnt>>

-----------------------------------------------------------------------------
(* A new instance e in zone a, whatever became of the one before.  The     *)
(* control plane makes it the newest, and the volume serves no other.      *)
Attach(e, a) ==
  /\ Repair /\ phase[e] = "unborn" /\ \A d \in 1..(e-1) : phase[d] # "unborn"
  /\ chain[a] # <<>>
  /\ (Bug # "attach-unsynced") => a \in insync
  /\ newest' = e
  /\ phase' = [phase EXCEPT ![e] = "attached"]
  /\ home'  = [home  EXCEPT ![e] = a]
  /\ owner' = [owner EXCEPT ![a] = e]
  /\ UNCHANGED <<insync, log, waits, taken, chain, issued, acked, lost, burnt>>

(* With Overwrite: the instance reads what the last copy has, drained or   *)
(* not.  Besides its own it waits for every zone that is in sync.  Or it   *)
(* takes only what every copy has: the rest counts no more, for it can     *)
(* write that again, as a database can whose pages are in its log.         *)
Read(e) ==
  /\ Overwrite /\ phase[e] = "attached" /\ chain[home[e]] # <<>> /\ Last(home[e]).ok
  /\ LET all == Last(home[e]).log
         few == Agreed(all)
     IN  \/ /\ log' = [log EXCEPT ![e] = all]
            /\ taken' = [taken EXCEPT ![e] = Len(all)]
            /\ UNCHANGED chain
         \/ /\ log' = [log EXCEPT ![e] = few]
            /\ taken' = [taken EXCEPT ![e] = Len(few)]
            /\ chain' = [chain EXCEPT ![home[e]] = [i \in Index(home[e]) |->
                 IF chain[home[e]][i].ok THEN Copy(Common(chain[home[e]][i].log, few)) ELSE Lost]]
  /\ phase' = [phase EXCEPT ![e] = "read"]
  /\ waits' = [waits EXCEPT ![e] = insync \cup {home[e]}]
  /\ UNCHANGED <<newest, insync, home, owner, issued, acked, lost, burnt>>

(* With Overwrite: the instance serves when all that it waits for have its *)
(* first write.  Then no copy has anything else in the place of it.        *)
Serve(e) ==
  /\ Overwrite /\ phase[e] = "read"
  /\ Bug # "serve-unwritten" =>
       {i \in (taken[e] + 1)..Len(log[e]) : \A a \in waits[e] : Answered(a, log[e][i])} # {}
  /\ phase' = [phase EXCEPT ![e] = "open"]
  /\ UNCHANGED <<newest, insync, home, log, waits, taken, owner, chain, issued, acked, lost, burnt>>

(* It reads what the volume has, when no write of before is still on its   *)
(* way down the chain, and serves.  Besides its own it waits for every     *)
(* zone that is in sync, though it may have to Mirror there first.         *)
Open(e) ==
  /\ ~Overwrite /\ phase[e] = "attached" /\ newest = e /\ Working(home[e])
  /\ (Bug # "attach-undrained") => chain[home[e]][1].log = Last(home[e]).log
  /\ phase' = [phase EXCEPT ![e] = "open"]
  /\ log'   = [log   EXCEPT ![e] = Last(home[e]).log]
  /\ waits' = [waits EXCEPT ![e] = insync \cup {home[e]}]
  /\ UNCHANGED <<newest, insync, home, taken, owner, chain, issued, acked, lost, burnt>>

(* The volume of another zone a is attached to e.  What it has of an older *)
(* instance and e does not have, nobody was told of; it goes, for e will   *)
(* write something else in its place.                                      *)
Mirror(e, a) ==
  /\ Repair /\ Writes(e) /\ newest = e
  /\ IF Overwrite THEN chain[a] # <<>> ELSE Working(a)
  /\ a # home[e] /\ ~(owner[a] = e /\ a \in waits[e])
  /\ owner' = [owner EXCEPT ![a] = e]
  /\ waits' = [waits EXCEPT ![e] = @ \cup {a}]
  /\ chain' = [chain EXCEPT ![a] = [i \in Index(a) |-> IF ~chain[a][i].ok THEN Lost ELSE
       Copy(IF Bug = "mirror-untruncated" THEN chain[a][i].log ELSE Common(chain[a][i].log, log[e]))]]
  /\ UNCHANGED <<newest, insync, phase, home, log, taken, issued, acked, lost, burnt>>

(* It has caught up: from now on a successor may start there.  That is     *)
(* when it has all that the volume at home would answer for, for anything  *)
(* of it may have been acknowledged: by an instance before, whose reply is *)
(* still on its way, too.                                                  *)
InSync(e, a) ==
  /\ phase[e] = "open" /\ newest = e /\ a \in waits[e] /\ a \notin insync
  /\ IF Bug = "insync-early" THEN TRUE
     ELSE /\ Working(a) /\ Working(home[e])
          /\ IF Bug = "insync-by-own-acks" THEN acked \subseteq In(Last(a).log)
             ELSE Prefix(Last(home[e]).log, Last(a).log)
  /\ insync' = insync \cup {a}
  /\ UNCHANGED <<newest, phase, home, log, waits, taken, owner, chain, issued, acked, lost, burnt>>

(* The instance goes on without zone a.  It asks the control plane, so     *)
(* that no successor starts there, and is refused if one has.              *)
Degrade(e, a) ==
  /\ Repair /\ a # home[e]
  /\ \/ Writes(e) /\ a \in waits[e]
     \/ Overwrite /\ phase[e] = "attached" /\ a \in insync
  /\ ~Suspect => Gone(a)
  /\ (Bug # "degrade-alone") => newest = e
  /\ waits' = [waits EXCEPT ![e] = @ \ {a}]
  /\ insync' = IF Bug = "degrade-alone" THEN insync ELSE insync \ {a}
  /\ UNCHANGED <<newest, phase, home, log, taken, owner, chain, issued, acked, lost, burnt>>

Next ==
  \/ \E e \in Epoch :
       \/ Issue(e) \/ Open(e) \/ Read(e) \/ Serve(e)
       \/ \E w \in 1..MaxWrite : Ack(e, w)
       \/ \E a \in Zone : Store(e, a) \/ Attach(e, a) \/ Mirror(e, a) \/ InSync(e, a) \/ Degrade(e, a)
  \/ \E a \in Zone :
       \/ Burn(a) \/ Join(a)
       \/ \E i \in Index(a) : Forward(a, i) \/ Lose(a, i) \/ Drop(a, i)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
TypeOK ==
  /\ \A a \in Zone : Len(chain[a]) <= Copies /\ owner[a] <= newest
  /\ \A e \in Epoch : e <= newest <=> phase[e] # "unborn"
  /\ acked \subseteq 1..issued

(* What is acknowledged is still on some copy from which it is recovered.  *)
Durable ==
  \A w \in acked : \E a \in insync : \E i \in Index(a) : w \in In(chain[a][i].log)

(* What is acknowledged is on every copy of every zone in sync, that is    *)
(* not lost: any one of them would do.                                     *)
OnEveryCopy ==
  \A w \in acked : \A a \in insync : \A i \in Index(a) :
    chain[a][i].ok => w \in In(chain[a][i].log)

(* A copy has nothing that the one before it does not have, so what the    *)
(* last one answers cannot vanish with it.                                 *)
ChainOrder ==
  \A a \in Zone : \A i \in Index(a) : \A j \in 1..(i-1) :
    (chain[a][i].ok /\ chain[a][j].ok /\ ~(Overwrite /\ phase[owner[a]] = "attached"))
      => Prefix(Kept(a, chain[a][i].log), Kept(a, chain[a][j].log))

(* A volume holds the writes of the instance that it is attached to, in    *)
(* their order, and no others.                                             *)
OneHistory ==
  \A a \in Zone : phase[owner[a]] = "open" =>
    \A i \in Index(a) : Prefix(chain[a][i].log, log[owner[a]])

(* The newest instance serves all that was acknowledged.                   *)
FreshRead ==
  \A e \in Epoch : (Writes(e) /\ (e = newest \/ Bug = "read-deposed"))
    => acked \subseteq In(log[e])
=============================================================================
