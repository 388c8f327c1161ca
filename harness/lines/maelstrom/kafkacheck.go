package maelstrom

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/firstgap/firstgap/impl/node"
)

// The rules of the kafka workload. Those that Jepsen's checker has, too, have its names.
const (
	// LostWrite: an acknowledged message is missing although a poll has passed its offset.
	LostWrite = "lost-write"
	// Unseen: an acknowledged message was never polled, although the polls after the faults asked for it.
	Unseen = "unseen"
	// Duplicate: one message is at several offsets of its log.
	Duplicate = "duplicate"
	// InconsistentOffsets: one offset of a log has several messages.
	InconsistentOffsets = "inconsistent-offsets"
	// AbortedRead: a poll shows a message whose send was answered with an error that says that it did not happen.
	AbortedRead = "G1a"
	// NeverSent: a poll shows a message that no client has sent to that key.
	NeverSent = "never-sent"
	// FutureRead: a poll ended before the send of a message that it shows began.
	FutureRead = "future-read"
	// UnaskedKey: an answer has a key that was not asked for.
	UnaskedKey = "unasked-key"
	// PollSkip: a poll begins behind the offset that it asked for, although there is a message between.
	PollSkip = "poll-skip"
	// NonmonotonicPoll: a poll begins before the offset that it asked for, behind what its client has seen.
	NonmonotonicPoll = "nonmonotonic-poll"
	// InternalPollSkip: between two messages of one poll there is another one, which it does not show.
	InternalPollSkip = "int-poll-skip"
	// InternalNonmonotonicPoll: the offsets of one poll do not ascend.
	InternalNonmonotonicPoll = "int-nonmonotonic-poll"
	// NonmonotonicSend: of two sends of a client to a key, the later one has not the higher offset.
	NonmonotonicSend = "nonmonotonic-send"
	// CommittedOffsetBack: an acknowledged commit of an offset is not to be seen any more.
	CommittedOffsetBack = "committed-offset-back"
	// CommittedOffsetInvented: an offset is said to be committed that no client has committed.
	CommittedOffsetInvented = "committed-offset-invented"
)

// checkKafka works on what each answer claims alone. A poll says by its request where its client stands, so a skip or a step back
// is one of this poll; that the client went on from there by itself is not to be inferred, as Jepsen has to.
func checkKafka(calls []Call) []Problem {
	k := &kafkaCheck{findings: newFindings(calls), ops: make([]kafkaOp, len(calls)), fine: make([]bool, len(calls)), logs: map[string]*kafkaLog{}}
	k.answered()
	for i := range calls {
		k.read(i)
	}
	for _, key := range sorted(k.logs) {
		slices.Sort(k.logs[key].known)
	}
	for i := range calls {
		k.poll(i)
	}
	k.sends()
	for _, key := range sorted(k.logs) {
		k.offsets(key)
		k.kept(key)
	}
	for i := range calls {
		k.committed(i)
	}
	return k.done()
}

type kafkaCheck struct {
	*findings
	ops  []kafkaOp
	fine []bool // whether the call was answered, and the answer could be read
	logs map[string]*kafkaLog
}

// A kafkaLog is all that is known of the log of a key.
type kafkaLog struct {
	known   []int64               // the offsets that have a message, ascending
	at      map[int64][]sighting  // by offset, the different messages that were seen there
	places  map[string][]sighting // by message, the different offsets at which it was seen
	sent    map[string]int        // by message, the call that sent it
	shown   map[string]bool       // the messages that a poll has shown
	first   map[int64]int         // by offset, the first poll that has shown it
	highest int64                 // that a poll has shown, -1 without one
	empty   map[int64]int         // by the offset asked for, the last poll after the faults that had nothing
	commits []commit              // in the order of the calls
	acked   []acknowledged        // the acknowledged ones of commits, by the time of their answers
}

// A sighting is a message at an offset, and the call whose answer says so.
type sighting struct {
	message
	call int
}

type commit struct {
	offset int64
	call   int
}

// acknowledged is, of the commits that were answered by a time, the one that began last and the one of the highest offset.
type acknowledged struct {
	returned      node.Time
	last, highest commit
}

func (k *kafkaCheck) log(key string) *kafkaLog {
	l := k.logs[key]
	if l == nil {
		l = &kafkaLog{
			at: map[int64][]sighting{}, places: map[string][]sighting{}, sent: map[string]int{}, shown: map[string]bool{},
			first: map[int64]int{}, empty: map[int64]int{}, highest: -1,
		}
		k.logs[key] = l
	}
	return l
}

func (l *kafkaLog) saw(m message, call int) {
	if !slices.ContainsFunc(l.at[m.offset], func(s sighting) bool { return s.text == m.text }) {
		if len(l.at[m.offset]) == 0 {
			l.known = append(l.known, m.offset)
		}
		l.at[m.offset] = append(l.at[m.offset], sighting{m, call})
		l.places[m.text] = append(l.places[m.text], sighting{m, call})
	}
}

// read takes in one call. An answer that cannot be read says nothing beyond that.
func (k *kafkaCheck) read(i int) {
	c := &k.calls[i]
	op, err := readKafka(c)
	if err != nil {
		k.malformed(i, err)
	}
	answered := c.Outcome == OK && err == nil
	if !answered {
		op.shown, op.listed = nil, nil
	}
	k.ops[i], k.fine[i] = op, answered
	switch c.kind() {
	case kafkaSend:
		l := k.log(op.key)
		l.sent[op.text] = i
		if answered {
			l.saw(message{op.offset, op.text}, i)
		}
	case kafkaPoll:
		for _, key := range sorted(op.shown) {
			l := k.log(key)
			for _, m := range op.shown[key] {
				l.saw(m, i)
				l.shown[m.text] = true
				if _, has := l.first[m.offset]; !has {
					l.first[m.offset] = i
				}
				l.highest = max(l.highest, m.offset)
			}
		}
		if answered && c.Final {
			for key, from := range op.from {
				if len(op.shown[key]) == 0 {
					k.log(key).empty[from] = i
				}
			}
		}
	case kafkaCommit:
		if c.Outcome == Failed {
			break
		}
		for _, key := range sorted(op.commit) {
			l := k.log(key)
			l.commits = append(l.commits, commit{op.commit[key], i})
		}
	}
}

// poll holds one poll against all that is known of the logs that it shows.
func (k *kafkaCheck) poll(i int) {
	op := &k.ops[i]
	for _, key := range sorted(op.shown) {
		shown := op.shown[key]
		from, asked := op.from[key]
		if !asked {
			k.add(UnaskedKey, []int{i}, "%s shows key %q: expected keys that it asked for alone", k.call(i), key)
			continue
		}
		l := k.logs[key]
		for _, m := range shown {
			k.origin(i, key, m)
		}
		if len(shown) == 0 {
			continue
		}
		if first := shown[0]; first.offset < from {
			k.add(NonmonotonicPoll, k.withEarlier(i, key), "%s asked for key %q from offset %d: expected no earlier one, found offset %d", k.call(i), key, from, first.offset)
		} else if missed := l.between(from, first.offset); len(missed) > 0 {
			k.add(PollSkip, k.witnesses(k.withEarlier(i, key), l, missed), "%s asked for key %q from offset %d: expected %s first, found offset %d: it skips %s",
				k.call(i), key, from, l.tell(missed[:1]), first.offset, l.tell(missed))
		}
		for j := 1; j < len(shown); j++ {
			before, after := shown[j-1], shown[j]
			if after.offset <= before.offset {
				k.add(InternalNonmonotonicPoll, []int{i}, "%s shows offset %d of key %q: expected a higher one behind it, found offset %d", k.call(i), before.offset, key, after.offset)
			} else if missed := l.between(before.offset+1, after.offset); len(missed) > 0 {
				k.add(InternalPollSkip, k.witnesses([]int{i}, l, missed), "%s shows offset %d of key %q: expected %s behind it, found offset %d: it skips %s",
					k.call(i), before.offset, key, l.tell(missed[:1]), after.offset, l.tell(missed))
			}
		}
	}
	for _, key := range sorted(op.listed) {
		if !slices.Contains(op.keys, key) {
			k.add(UnaskedKey, []int{i}, "%s lists key %q: expected keys that it asked for alone", k.call(i), key)
		}
	}
}

// origin asks where a message that was polled comes from.
func (k *kafkaCheck) origin(i int, key string, m message) {
	sent, has := k.logs[key].sent[m.text]
	switch {
	case !has:
		k.add(NeverSent, []int{i}, "%s shows message %s at offset %d of key %q: expected messages that were sent to that key, and no client has sent it", k.call(i), m.text, m.offset, key)
	case k.calls[sent].Outcome == Failed:
		k.add(AbortedRead, []int{sent, i}, "%s failed with the definite error %d: expected its message %s to be nowhere, and %s shows it at offset %d of key %q", k.call(sent), k.calls[sent].Code, m.text, k.call(i), m.offset, key)
	case k.calls[i].Returned < k.calls[sent].Invoked:
		k.add(FutureRead, []int{sent, i}, "%s shows message %s of key %q: expected its send to have begun before that, and %s began later", k.call(i), m.text, key, k.call(sent))
	}
}

// between lists the known offsets from low to below high.
func (l *kafkaLog) between(low, high int64) []int64 {
	from, _ := slices.BinarySearch(l.known, low)
	to, _ := slices.BinarySearch(l.known, high)
	if from >= to {
		return nil
	}
	return l.known[from:to]
}

// tell names offsets with their messages, the first few of them.
func (l *kafkaLog) tell(offsets []int64) string {
	const most = 3
	out := ""
	for i, offset := range offsets {
		if i == most {
			return out + fmt.Sprintf(" and %d more", len(offsets)-most)
		}
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprintf("offset %d (message %s)", offset, l.at[offset][0].text)
	}
	return out
}

// witnesses adds the calls that show that there are messages at the offsets, the first few of them.
func (k *kafkaCheck) witnesses(calls []int, l *kafkaLog, offsets []int64) []int {
	for i, offset := range offsets {
		if i == 3 {
			break
		}
		if w := l.at[offset][0].call; !slices.Contains(calls, w) {
			calls = append(calls, w)
		}
	}
	return calls
}

// withEarlier is the poll i with the one before it by which its client came to the offset that it asks for.
func (k *kafkaCheck) withEarlier(i int, key string) []int {
	from := k.ops[i].from[key]
	for j := i - 1; j >= 0 && j >= i-earlierCalls; j-- {
		if k.calls[j].Client != k.calls[i].Client {
			continue
		}
		if shown := k.ops[j].shown[key]; len(shown) > 0 && shown[len(shown)-1].offset+1 == from {
			return []int{j, i}
		}
	}
	return []int{i}
}

// earlierCalls bounds how far back a witness is looked for: it helps a reader, and the verdict does not need it.
const earlierCalls = 1000

// sends holds the sends of each client against each other. One of unknown outcome may be carried out later than those after it,
// and it ends a client's session, as in Jepsen, where a client that has crashed is replaced.
func (k *kafkaCheck) sends() {
	last := map[int]map[string]int{}
	for i := range k.calls {
		c := &k.calls[i]
		if c.Outcome == Unknown {
			delete(last, c.Client)
			continue
		}
		op := &k.ops[i]
		if c.kind() != kafkaSend || !k.fine[i] {
			continue
		}
		if last[c.Client] == nil {
			last[c.Client] = map[string]int{}
		}
		if before, has := last[c.Client][op.key]; has && op.offset <= k.ops[before].offset {
			k.add(NonmonotonicSend, []int{before, i}, "%s was given offset %d of key %q: expected a higher one than the offset %d of %s before it", k.call(i), op.offset, op.key, k.ops[before].offset, k.call(before))
		}
		last[c.Client][op.key] = i
	}
}

// offsets holds the sightings of one log against each other.
func (k *kafkaCheck) offsets(key string) {
	l := k.logs[key]
	for _, offset := range l.known {
		if seen := l.at[offset]; len(seen) > 1 {
			k.add(InconsistentOffsets, []int{seen[0].call, seen[1].call}, "offset %d of key %q: expected one message, found %s by %s and %s by %s",
				offset, key, seen[0].text, k.call(seen[0].call), seen[1].text, k.call(seen[1].call))
		}
	}
	for _, text := range sorted(l.places) {
		if seen := l.places[text]; len(seen) > 1 {
			k.add(Duplicate, []int{seen[0].call, seen[1].call}, "message %s of key %q: expected one offset, found %d by %s and %d by %s",
				text, key, seen[0].offset, k.call(seen[0].call), seen[1].offset, k.call(seen[1].call))
		}
	}
}

// kept looks for every acknowledged message of a log in the polls.
func (k *kafkaCheck) kept(key string) {
	l := k.logs[key]
	var passed []int64 // the offsets that polls have shown, ascending
	for offset := range l.first {
		passed = append(passed, offset)
	}
	slices.Sort(passed)
	var sends []int
	for text, i := range l.sent {
		if k.fine[i] && !l.shown[text] {
			sends = append(sends, i)
		}
	}
	slices.Sort(sends)
	unknown := 0
	for _, i := range sends {
		offset := k.ops[i].offset
		if at, has := l.first[offset]; has {
			// Another message is where it was, which is an inconsistent offset, and it is lost.
			k.add(LostWrite, []int{i, at}, "%s was acknowledged at offset %d of key %q with message %s: expected polls to show it there, and %s shows %s", k.call(i), offset, key, k.ops[i].text, k.call(at), l.other(offset, k.ops[i].text))
			continue
		}
		if offset < l.highest {
			next, _ := slices.BinarySearch(passed, offset)
			by := l.first[passed[next]]
			k.add(LostWrite, []int{i, by}, "%s was acknowledged at offset %d of key %q with message %s: expected a poll to show it, and none does, though %s shows offset %d", k.call(i), offset, key, k.ops[i].text, k.call(by), passed[next])
			continue
		}
		by, asked := -1, int64(0)
		for from, poll := range l.empty {
			if from <= offset && k.calls[poll].Invoked > k.calls[i].Returned && poll > by {
				by, asked = poll, from
			}
		}
		if by >= 0 {
			k.add(Unseen, []int{i, by}, "%s was acknowledged at offset %d of key %q with message %s: expected the polls after the faults to show it, and %s asked from offset %d and had nothing", k.call(i), offset, key, k.ops[i].text, k.call(by), asked)
		} else if unknown++; unknown == 1 {
			k.undecided(Unseen, []int{i}, "%s was acknowledged at offset %d of key %q with message %s, and no poll after the faults that reached so far was answered, so it is not known to be kept", k.call(i), offset, key, k.ops[i].text)
		}
	}
}

func (l *kafkaLog) other(offset int64, text string) string {
	for _, s := range l.at[offset] {
		if s.text != text {
			return s.text
		}
	}
	return "nothing"
}

// committed holds an answer that lists committed offsets against the commits. What counts is the latest commit; whether of two
// that overlap, and of a later one with a lower offset, the higher offset stays, a system may choose, as brokers differ in it.
func (k *kafkaCheck) committed(i int) {
	op, c := &k.ops[i], &k.calls[i]
	if op.listed == nil {
		return
	}
	for _, key := range op.keys {
		l := k.log(key)
		listed, present := op.listed[key]
		last, highest := k.acknowledgedBefore(l, c.Invoked)
		if !present {
			if last.call >= 0 {
				k.add(CommittedOffsetBack, []int{last.call, i}, "%s committed offset %d of key %q: expected %s to list it or a later commit, found none", k.call(last.call), last.offset, key, k.call(i))
			}
			continue
		}
		known, possible := false, false
		for _, w := range l.commits {
			by := &k.calls[w.call]
			if w.offset != listed || by.Invoked > c.Returned {
				continue
			}
			known = true
			possible = possible || last.call < 0 || listed >= highest.offset || !k.fine[w.call] || by.Returned >= k.calls[last.call].Invoked
		}
		switch {
		case !known:
			k.add(CommittedOffsetInvented, []int{i}, "%s lists offset %d of key %q: expected an offset that a client has committed, and none has committed this one", k.call(i), listed, key)
		case !possible:
			k.add(CommittedOffsetBack, []int{last.call, i}, "%s committed offset %d of key %q: expected %s to list it or a later commit, found offset %d", k.call(last.call), last.offset, key, k.call(i), listed)
		}
	}
}

// acknowledgedBefore is, of the commits that were acknowledged before a time, the one that began last and the one of the highest
// offset; their call is -1 when there is none.
func (k *kafkaCheck) acknowledgedBefore(l *kafkaLog, when node.Time) (last, highest commit) {
	calls := k.calls
	none := commit{offset: math.MinInt64, call: -1}
	if l.acked == nil && len(l.commits) > 0 {
		l.acked = []acknowledged{}
		for _, w := range l.commits {
			if k.fine[w.call] {
				l.acked = append(l.acked, acknowledged{calls[w.call].Returned, w, w})
			}
		}
		slices.SortStableFunc(l.acked, func(a, b acknowledged) int { return cmp.Compare(a.returned, b.returned) })
		for i := 1; i < len(l.acked); i++ {
			before, a := &l.acked[i-1], &l.acked[i]
			if calls[before.last.call].Invoked > calls[a.last.call].Invoked {
				a.last = before.last
			}
			if before.highest.offset > a.highest.offset {
				a.highest = before.highest
			}
		}
	}
	n, _ := slices.BinarySearchFunc(l.acked, when, func(a acknowledged, t node.Time) int {
		if a.returned < t {
			return -1
		}
		return 1
	})
	if n == 0 {
		return none, none
	}
	return l.acked[n-1].last, l.acked[n-1].highest
}

func countKafka(calls []Call) []Figure {
	out := figures(calls)
	sent, polled := map[string]bool{}, map[string]bool{}
	for i := range calls {
		op, err := readKafka(&calls[i])
		if err != nil || calls[i].Outcome != OK {
			continue
		}
		if calls[i].kind() == kafkaSend {
			sent[op.key+" "+op.text] = true
		}
		for key, shown := range op.shown {
			for _, m := range shown {
				polled[key+" "+m.text] = true
			}
		}
	}
	unseen := 0
	for m := range sent {
		if !polled[m] {
			unseen++
		}
	}
	return append(out, Figure{"messages acknowledged", len(sent)}, Figure{"messages polled", len(polled)}, Figure{"messages acknowledged and never polled", unseen})
}
