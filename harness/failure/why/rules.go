package why

import (
	"slices"
	"strings"

	"github.com/firstgap/firstgap/faults"
	"github.com/firstgap/firstgap/harness/judge"
	"github.com/firstgap/firstgap/harness/runtime"
)

// Where the sources say it.
const (
	quorums      = "SIGMOD 2017 §2.1; lecture §6, Quorum"
	segmented    = "SIGMOD 2017 §2.2; lecture §8, protection groups"
	offload      = "SIGMOD 2017 §3.2; lecture §4.1, just log entries"
	storageNode  = "SIGMOD 2017 §3.3"
	asynchronous = "SIGMOD 2017 §4.1"
	writesAt     = "SIGMOD 2017 §4.2.1; SIGMOD 2018 §2.2"
	commitsAt    = "SIGMOD 2017 §4.2.2; SIGMOD 2018 §2.3; lecture §7"
	readsAt      = "SIGMOD 2017 §4.2.3; SIGMOD 2018 §3.1"
	replicasAt   = "SIGMOD 2017 §4.2.4; SIGMOD 2018 §3.2 to §3.4; lecture §9"
	recoveryAt   = "SIGMOD 2017 §4.3; SIGMOD 2018 §2.4; lecture §7"
	membersAt    = "SIGMOD 2018 §4.1"
	wal          = "lecture §2.2, how transactions are made"
	chains       = "lecture §1.2, EBS, and §3, RDS"
	ourContract  = "the harness's contract with a node; the papers take it for granted"
	ourLines     = "the protocol of lines (docs/protocol.md)"
	clientsSee   = "strict serializability, as clients of SIGMOD 2017 §4.1 and lecture §2.1 expect it"
	oneCopy      = "linearizability (Herlihy and Wing 1990); lecture §6"
)

// A reason says of some rules why they exist.
type reason struct {
	text   string // the rule in plain words; "" where the rule says it itself
	why    string
	source string
	rules  []string
}

// reasons is a table over all rules: the guards and invariants of the models, what a trace has to keep to, the rules of the checks, and the
// anomalies of histories.
var reasons = []reason{
	{"a record is complete when a write quorum of its group has it on disk, and all before it", "A commit is acknowledged once its record is complete. If fewer copies than a write quorum have it, a recovery may hear only of others, cut it off, and an acknowledged transaction is lost.", commitsAt,
		[]string{`Cardinality({r \in In(log[e][l].group) : scl[e][r] >= l}) >= W`, `Cardinality({r \in In(log[e][l].group) : Has(r, e, l)}) >= W`, `Copies(e, vcl[e] + 1) >= W`, `scl[e][r] < l`, "CompleteIsStored"}},
	{"a commit is acknowledged when the volume is durable up to its record", "What the client was told is committed must survive whatever comes next. Above the VDL a record below it may be missing still, and a recovery cuts at the first missing one, with all above.", commitsAt,
		[]string{`l <= Vdl(e)`}},
	{"a transaction is acknowledged once, by the writer that wrote its commit record", "An acknowledgement of what has no commit record, or another writer's, promises what no log holds: the next recovery takes the transaction back.", commitsAt,
		[]string{`t \notin acked`, `\E l \in Commits(e, t) : log[e][l].epoch = e`, `Bug = "ack-before-durable"`}},
	{"the VCL moves over one record after the other, and never back", "A VCL that skips a record counts what may be missing, and one that goes back takes back what was already acknowledged.", commitsAt,
		[]string{"vcl' = [vcl EXCEPT ![e] = @ + 1]", `vcl[e] < End(e)`}},
	{"whoever cuts the log has heard of a read quorum of every group", "R + W > N: only a read quorum is sure to meet a copy of every record that a write quorum has. With fewer answers an acknowledged record is nowhere in them, and is cut.", recoveryAt,
		[]string{`IsReadQuorum(Q, R)`}},
	{"an answer to a recovery counts when its segment has promised the new epoch, on disk, and says what it held then", "A segment that has not promised, or forgets its promise, goes on to take records of the old writer after the recovery has counted it: the old writer acknowledges what the new one has cut.", recoveryAt,
		[]string{`Q \subseteq {r \in Replica : fence[r] = e}`, `Q \subseteq {r \in Replica : told[e][r].line # 0}`, `l \notin got[e][r]`}},
	{"the log is cut behind the last record that has all before it, and then down to the end of a mini-transaction", "Cut too low, and an acknowledged transaction is gone; cut too high, and the log has a gap below what it goes on from: pages are made of changes that miss one.", recoveryAt,
		[]string{"base' = [base EXCEPT ![e] = Cut(Q)]", "NothingLost", "MtrAtomic", "TxnAtomic"}},
	{"a history names the writer of every LSN, with all cuts that were made", "LSNs are given again after a cut. Whoever does not know every cut takes a record that was cut off for the one that stands there now.", recoveryAt,
		[]string{"a history names the writer of every LSN of the log of its epoch"}},
	{"before a writer serves, a write quorum of every group has joined it and has all that it kept", "What it kept may be on fewer copies than a write quorum. If it serves from them, the next recovery may meet the others, and cut what was shown.", recoveryAt,
		[]string{`\A g \in Group : Cardinality({r \in In(g) : scl[e][r] >= LastIn(e, g, base[e])}) >= W`, `\A g \in Group : Cardinality({r \in In(g) : scl[e][r] >= 0}) >= W`, `\A g \in Group : \A l \in InGroup(e, g) : Copies(e, l) >= W`, "KeptIsStored"}},
	{"a writer does each thing in its phase: it fences, cuts, repairs, and serves then", "A step too early goes by what is not settled yet: a writer that serves before its repair shows what may be cut, and one that cuts twice has two logs.", recoveryAt,
		[]string{`phase[e] = "open"`, `phase[e] \in {"repairing", "open"}`, `phase[e] = "fencing"`, `phase[e] = "repairing"`}},
	{"an epoch is won at the register, durably, before anything is done in its name, and has one writer", "Two writers of one epoch give the same LSN to two records, and segments cannot tell them apart: one of the two acknowledged transactions is lost.", recoveryAt,
		[]string{`phase[e] = "unborn"`, `phase[e] # "unborn"`, `\A d \in 1..(e-1) : phase[d] # "unborn"`, "an epoch has one writer", `\A d \in Epoch : d > e => phase[d] = "unborn"`}},
	{"a segment stores records of the epoch that it promised, and follows, alone", "A promise to a new writer is what stops the old one. A segment that takes a record of the old epoch after it lets the old writer acknowledge what the new one has cut off.", recoveryAt,
		[]string{`fence[r] = e`, `fence[r] = line[r]`, `line[r] = e`, `l <= End(line[r])`, "OneLog"}},
	{"a promise only rises", "A promise of an epoch that goes down, or is given twice, lets the writer that it shut out in again.", recoveryAt,
		[]string{`fence[r] < e`, `fence[r] <= e`, `line[r] < e`}},
	{"a segment stores records of its own group, each once, and a peer gives what it has on the same line", "A record stored twice is applied twice. A record from a peer on another line may be one that was cut: the page is made of a change that never was.", storageNode,
		[]string{`l \in InGroup(e, GroupOf[r])`, `store[r][l] = 0`, `GroupOf[r] = GroupOf[s]`, `store[s][l] # 0`, `line[s] = line[r]`}},
	{"what a segment told as durable is there after a restart", "The quorum counts a segment that answered for good: W + R exceeds N by one, so one copy that forgets without a word is enough for a recovery to miss an acknowledged record.", quorums,
		[]string{"a restarted segment has the promise that it made: fence[r]", "a restarted segment follows the log that it joined: line[r]", "a restarted segment holds what it stored, and nothing else: store[r]",
			"page images are of what the segment held, all of it up to their floor: store[r]", "a Position that was told before says the same again", "a place in a segment's log is told in order, and what was told of it stays",
			`Bug = "amnesia"`, `store[r] # [l \in LSN |-> 0]`, "a restarted server holds what it stored", "Amnesia"}},
	{"a segment stores what a writer issued, byte for byte", "A record that no writer issued, or that was damaged on its way, makes a page that no log explains; and peers spread it.", storageNode,
		[]string{"a segment stores what a writer issued under that LSN and epoch, byte for byte"}},
	{"whichever read quorum answers a recovery, an acknowledged transaction survives it", "This is the promise of the whole design: the loss of every copy outside of any one read quorum takes nothing that a client was told.", quorums,
		[]string{"Durable"}},
	{"a writer that still reaches enough segments has every acknowledged transaction on its log", "A writer that was replaced, and does not know, would answer from its cache what a newer one has changed.", readsAt,
		[]string{"FreshRead"}},
	{"a row that no transaction holds has its last committed value", "What never committed must be taken back before anybody else may touch the row: a value that nobody committed is read, and written over.", recoveryAt,
		[]string{"UndoRestores", "an undo restores the old value of the write that it takes back", `Undos(e, t) = {}`, `Own(e, t)`, `IF Aborts \/ Savepoints THEN TRUE ELSE ~Own(e, t)`}},
	{"a writer runs at most LAL ahead of what is durable", "A recovery annuls the LSNs from its cut to the cut + LAL. A record above would be taken for one of the log that comes after.", writesAt,
		[]string{`End(e) < Vdl(e) + Lal`, "WithinLAL"}},
	{"rows are locked until their transaction has committed, durably, or is taken back", "If another transaction writes a row that is still held, the undo of the first puts an old value over a committed one.", clientsSee,
		[]string{`\A u \in Txn : Active(e, u) => k \notin Locks(e, u)`, `k \notin Locks(e, t)`}},
	{"a transaction commits once, while it is active, and not after it was taken back", "A commit record of what was undone, or a second one, makes of one transaction two, or shows what its client was told is aborted.", clientsSee,
		[]string{`Active(e, t)`, `Commits(e, t) = {}`, `\A u \in 1..(t-1) : Started(u)`}},
	{"the records of a mini-transaction stand one behind the other, and belong to one transaction", "A recovery and a reader stop at the ends of mini-transactions alone. One that is interleaved with another is cut or shown in half: a tree with a split that is half done.", writesAt,
		[]string{`Settled(e)`, `IF Settled(e) THEN TRUE ELSE log[e][End(e)].txn = t`, `IF Settled(e) THEN TRUE ELSE log[e][End(e)].kind = "structure"`, `last \in (IF Mtr THEN BOOLEAN ELSE {TRUE})`, `Structures`}},
	{"a record goes to the group where its page lives, and names the one before it there", "A segment makes its page of its own group's records alone. A record elsewhere is a change that the page never sees, and a wrong back-link a gap that no segment notices.", segmented,
		[]string{`g \in Places(e, k)`, `g \in InUse(sets[e])`, "a record is in the protection group where its page lives", "a record's back-link names the record before it in its group"}},
	{"a record says what was there before", "Undo puts the old value back. A wrong one puts back what never was.", recoveryAt,
		[]string{"a record's old value is the value of its row on the writer's log", "a record's old value is that of its row", "a record that is issued is the one that the model appends"}},
	{"who counts for a group changes one step at a time, by the newest writer, and a newcomer votes when it is filled", "A write quorum of the old members and a read quorum of the new ones must share a copy. A jump, or a member without the log, and a recovery meets nobody who has an acknowledged record.", membersAt,
		[]string{`Members > 1`, `sets[e] = made[e]`, `made[e][g] # <<>>`, `m \in Successors(g, made[e][g])`, `Len(m) <= Members`, `m[1] = made[e][g][1] \/ Filled(e, g, m[1])`, `sets[e] # made[e]`,
			"a membership is told by its epoch, which counts the changes of its group"}},
	{"groups come into use one after the other, by the newest writer", "A group that two writers bring into use with other members has two sets of copies, and records on the one are missed on the other.", segmented,
		[]string{`Grows`, `made[e][g] = <<>>`, "groups come into use one after the other, with their first members"}},
	{"a step is one of the model's, and says all that it is about", "A step that the model does not know cannot be held against it: what it does to the log, nobody checks.", ourContract,
		[]string{`e \in Epoch`, `t \in Txn`, `k \in Key`, `l \in LSN`, `r \in Replica`, `g \in Group`, `End(e) < MaxLSN`, "TypeOK", "a step is one of the volume's own nodes, epochs, groups and transactions", "a step carries what its action is about",
			"a step is an action of the model", "a step is one of the design's own nodes and operations", `r \in Reader`, "a reader tells its own steps, and a writer what it heard of readers"}},

	{"a reader has the log without gaps, and takes for durable what its writer said is", "A view beyond what is durable shows what a recovery may still cut: a client has read a value that never was.", replicasAt,
		[]string{`Len(got[r]) < End(line[r])`, `n <= vdl[line[r]]`, `n > told[r]`}},
	{"a query reads as of the end of a mini-transaction that is durable, at the reader's newest view", "A read point in the middle of a mini-transaction shows a tree in half, and one beyond the view what may be cut.", replicasAt,
		[]string{`n = LastCpl(log[line[r]], n)`, `snap[r] # None`, "snap' = [snap EXCEPT ![r] = View(r)]", "NeverBack"}},
	{"a page that a query uses is the page as of its read point", "A page that is older or newer than the others of the same query shows half of a change: an account is debited and not yet credited.", replicasAt,
		[]string{`IF Fits(r, k) THEN TRUE ELSE FALSE`, "seen' = [seen EXCEPT ![r][k] = v]", "NoSplit"}},
	{"a segment serves a read when it is complete up to it, and still has that version", "A copy that lags gives the page without the last changes, and nobody sees that they are missing.", readsAt,
		[]string{`scl[g][m] >= need`, `floor[g][m] <= snap[r]`}},
	{"the writer knows the lowest point at which any reader reads, and collects nothing above it", "A version that is dropped while a query needs it is gone: the query is shown another state, or none.", replicasAt,
		[]string{`n > low[r]`, `n <= Lowest(r)`, `n <= Min({low[i] : i \in Reader})`, "NeededIsKept"}},
	{"a reader that follows a new writer drops what that one cut, and nothing else", "What was cut is not the log any more: a reader that keeps it shows what no client was ever told, and one that drops more has a gap.", replicasAt,
		[]string{`line[r] < newest`, "got' = [got EXCEPT ![r] = SubSeq(@, 1, Max(same))]", `on[r]`, `~on[r]`}},
	{"a query is shown the committed rows of its snapshot, and no others", "A reader's pages have changes of transactions that are not committed: what it does not hide, its client takes for true.", replicasAt,
		[]string{"WholeSnapshot: a query is shown all of each transaction that had committed by its snapshot, and nothing of any other", "WholeSnapshot", "NothingUncommitted"}},

	{"a register's write has a version of its own, one above all that it was told of, and a read takes the newest", "R + W > N says that the answers have the newest version among them. Whoever takes another, or gives a version twice, shows an old value.", oneCopy,
		[]string{"Begin", "BeginRead", "BeginWrite", "Tell", "Choose", "Number", "WriteBack", "OneValue", "Regular", "Linearizable", "EndRead", "EndWrite"}},
	{"what is told as stored was written, in order, and is stored", "Copies that take writes in another order, or answer for one that they do not have, are not copies of each other: whichever is read later decides what was lost.", chains,
		[]string{"Store", "Forward", "Issue", "Lose", "Drop", "Join", "Attach", "Read", "Serve", "Mirror", "Degrade", "InSync", "OnEveryCopy", "ChainOrder", "OneHistory", "a manager has one view an epoch, and goes from one to the next"}},
	{"a database logs a change before its page, and acknowledges a commit that is on disk", "After a crash there is nothing but the disk. A page without its log cannot be taken back, and a commit without its log is lost.", wal,
		[]string{"Write", "Commit", "Undo", "FlushLog", "FlushPage", "Ack", "Open", "Atomic", "the log is one sequence of records"}},

	{"what clients were told is what one transaction after the other would have told them", "A client that is shown what never was, or not shown what was, decides by it: money is spent twice.", clientsSee,
		[]string{"own write missed", "unrepeatable read", "aborted value seen", "dirty read", "value from nowhere", "read from the future", "stale read", "lost acknowledged commit", "lost update", "write skew", "fractured read", "new/old inversion",
			"unknown outcome seen, then gone", "real-time reversal", "unserializable", "row missing in a scan", "phantom", "disordered scan", "causal reversal"}},
	{"what clients were told is what one copy would have told them, one call after the other", "A client cannot build on an answer that another one contradicts: two hold one lock, or an element is taken twice.", oneCopy,
		[]string{"one value follows twice", "lists that disagree", "sets that disagree", "element taken twice", "older element overtaken", "empty though it was not", "wrong count", "held twice, or released twice", "not linearizable"}},
	{"a transaction is shown what is durable", "A value that is not durable yet may be cut: whoever has read it has built on what never was, and was acknowledged all the same.", commitsAt,
		[]string{"a transaction is shown what is durable"}},
	{"after the last recovery everything acknowledged is there, and nothing uncommitted", "That is what the acknowledgement says. A client that was told so does not ask again.", commitsAt,
		[]string{"an acknowledged transaction is gone", "an uncommitted value shows", "a transaction that was reported aborted is committed", "two transactions have one commit LSN", "the sum of the accounts is not conserved", "a row holds what the order of commits does not explain",
			"an acknowledged write is gone: a later read does not see a value that it had overwritten", "a value that no client wrote shows"}},
	{"a snapshot of a reader is the committed prefix of the log at its read point", "Anything else is a state that the volume never had.", replicasAt,
		[]string{"there is no such read point", "the read point is not the one asked for", "what it shows is not the committed prefix", "its reader went back", "its session went back"}},
	{"segments that claim the same hold the same bytes", "A read goes to one segment alone, and any that is complete will do. If two differ, what a client is shown depends on whom its writer asks.", readsAt,
		[]string{"segments that claim the same hold the same bytes", "a segment that claims to be complete gives every page"}},
	{"every copy of a group backs up the same bytes, and what is kept can be read", "A backup is put by whichever copy comes first. If two would put different bytes, what comes back depends on who was quicker; and an object that is gone is a hole in every point behind it.", storageNode,
		[]string{"every copy of a group backs up the same bytes", "an object that was kept can be read, unless a bit of it was flipped"}},
	{"what is waited for comes within its bound", "A volume that never serves again has lost everything as surely as one that forgets: nobody can tell the two apart from outside.", "SIGMOD 2017 §4.3: recovery within seconds; lecture §5",
		[]string{"what is waited for comes within its bound"}},
	{"a node that lives answers what it was asked", "A client that is not answered holds its locks, and cannot know what became of its transaction.", asynchronous,
		[]string{"a node that lives answers what it was asked"}},
	{"a copy, and a reader, keeps up by itself once nothing goes wrong any more", "A quorum outvotes a copy that stays behind, so nobody notices; then a second one is lost, and the records that only the others have are one short.", storageNode,
		[]string{"a copy keeps up by itself", "a reader keeps up by itself"}},
	{"a change of members comes to its end", "Between two sets of members every write needs a quorum of both: the next loss finds a group that cannot spare it.", membersAt,
		[]string{"a change of members comes to its end"}},
	{"the floor follows the VDL where nothing reads below", "Above the floor all log is kept. A floor that stays grows every disk, and every recovery reads it all.", replicasAt,
		[]string{"the floor follows the VDL where nothing reads below"}},
	{"what a run costs stays inside its envelope", "A node that sends or writes the same again and again is right and useless: the network is what the design saves (7.7 times fewer I/Os a transaction).", "SIGMOD 2017 §3.1, table 1",
		[]string{"what a run costs stays inside its envelope"}},
	{"no node ends itself", "A node that ends itself on what it is told does so again when it is told again: one message takes down every copy that gets it.", ourContract,
		[]string{"no node ends itself"}},
	{string(runtime.LivesOn), "A program that ends on what it is told does so again when it is told again. What it cannot get over it refuses, and goes on.", ourLines,
		[]string{string(runtime.LivesOn)}},
	{string(runtime.AnswersInTime), "The clock of a run stands still until the program has answered. Each line that it is given has the lines in answer that its protocol says, so that every run of it is the same: a line more, later, would be taken for the answer to something else.", ourLines,
		[]string{string(runtime.AnswersInTime)}},
	{string(runtime.KeepsTheForm), "A line that is half understood would be another program's line: what is missing, or is not known, is never guessed.", ourLines,
		[]string{string(runtime.KeepsTheForm)}},
	{"the machine runs programs", "Where a program is not there, or the machine refuses to start it, nothing is known of what it does: such a run could not tell.", ourLines,
		[]string{"the machine runs programs"}},
}

// ofChecks says why a check exists, of findings without a rule, and of rules that a stranger's model has.
var ofChecks = map[judge.Check]reason{
	faults.Trace:             {why: "A node that does what its model does not allow has left what was proved: what follows from there is luck.", source: asynchronous},
	faults.Serializability:   {why: "A client that is shown what no order of the transactions explains decides by a state that never was.", source: clientsSee},
	faults.Linearizability:   {why: "A client cannot build on an answer that another one contradicts.", source: oneCopy},
	faults.Durability:        {why: "What was acknowledged is promised: a client that was told so does not ask again.", source: commitsAt},
	faults.Pages:             {why: "A read goes to one copy. If two that claim the same differ, what is read depends on whom one asks.", source: readsAt},
	faults.Progress:          {why: "A system that never serves again has lost everything as surely as one that forgets.", source: "SIGMOD 2017 §4.3; lecture §5"},
	faults.Replies:           {why: "A client goes by the reason of a refusal: a wrong one has it try again what cannot be had, or give up what it has.", source: ourContract},
	faults.Snapshots:         {why: "A snapshot that is no prefix of the log shows a state that the volume never had.", source: replicasAt},
	faults.Restore:           {why: "A backup is what is left when all copies are gone. What it cannot give back is lost.", source: storageNode},
	faults.Tree:              {why: "Rows are found through the tree. A page that hangs in it wrongly, or nowhere, hides every row below.", source: "SIGMOD 2017 §3.3 and §4.2.4: mini-transactions"},
	faults.CatchUp:           {why: "A copy that stays behind is one that the next failure cannot count on.", source: storageNode},
	faults.Wholeness:         {why: "A damaged copy has no vote: the group is one failure nearer to its end.", source: storageNode},
	faults.Replacement:       {why: "Repair has to be quicker than the next failure: that is what the small segments are for.", source: "SIGMOD 2017 §2.2; SIGMOD 2018 §4.1; lecture §8"},
	faults.Collection:        {why: "Log that is never turned into pages fills every disk, and every read applies all of it.", source: storageNode},
	faults.Floor:             {why: "Above the floor all log is kept: one that stays grows every disk.", source: replicasAt},
	faults.Answers:           {why: "A client that is not answered cannot know what became of its transaction.", source: asynchronous},
	faults.Traffic:           {why: "The network is what the design saves. What is sent without end takes it away again.", source: "SIGMOD 2017 §3.1"},
	faults.Writes:            {why: "The disk's operations are what bounds a segment.", source: storageNode},
	faults.Storage:           {why: "A disk that only grows is full one day.", source: storageNode},
	faults.Upkeep:            {why: "What rots and is not looked for is found when it is needed, and then on more copies than one.", source: storageNode},
	faults.Sanity:            {why: "A node that ends itself takes its clients with it.", source: ourContract},
	faults.Contract:          {why: "What a program was written for is what its clients are promised.", source: ourContract},
	faults.Activity:          {why: "A run in which nothing happened shows nothing.", source: ourContract},
	judge.Wire:               {why: "The writer sends log and never a page: that is where the design's speed comes from.", source: offload},
	judge.Determinism:        {why: "A run that cannot be made again cannot be explained, nor shown to be mended.", source: ourContract},
	judge.ConfigurationCheck: {why: "What cannot be run tells nothing.", source: ourContract},
}

// ruleText is a rule in plain words, itself where there are none.
func ruleText(rule string) string {
	if x := reasonOf(rule); x != nil {
		return x.text
	}
	return rule
}

// reasonOf returns why a rule exists, nil where the table does not have it.
func reasonOf(rule string) *reason {
	for i := range reasons {
		if slices.Contains(reasons[i].rules, rule) {
			return &reasons[i]
		}
	}
	return nil
}

// keepsUp is the rule of a copy that is not what it should be by itself.
const keepsUp = "a copy keeps up by itself"

// ruleOf says what was broken, why the rule exists, and where the sources say so.
func ruleOf(f *judge.Finding) Rule {
	if f.Check == faults.Replacement && f.Rule == keepsUp {
		// The check of standing asks it of every copy; of one whose disk is lost nothing can come by itself.
		x := ofChecks[f.Check]
		return Rule{Text: "a copy that is lost is replaced by a spare, where its group has one", Reason: x.why, Source: x.source}
	}
	if x := reasonOf(f.Rule); x != nil {
		return Rule{Text: x.text, Reason: x.why, Source: x.source}
	}
	x := ofChecks[f.Check]
	text := f.Rule
	if text == "" || strings.ContainsAny(text, `\∈`) {
		text = f.Guarantee
	}
	return Rule{Text: text, Reason: x.why, Source: x.source}
}
