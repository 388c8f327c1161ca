// Package scenario plays situations that somebody has thought of: text files that a reader of the lecture can follow, a command
// and below it what came of it. Chance has no part in them. Messages arrive in the order in which they were sent, disks are
// immediate, timers fire when the script says so, and the script says what is lost. Every step of every node is held against the
// model (package conform), so a scenario also fails where its text has nothing to say.
//
// Use a scenario to show one schedule that people shall read: an example of a paper, a question with its answer, a failure that
// was found and mended. It is no search: it sees the one schedule that was written down. Use
// package campaign instead when an engineer looks for schedules that break a system.
//
// The nodes are those of an aurora.Implementation, so a stranger's segment, writer or register is put to the same scripts as our
// own. The engine asks a node only for what any of them can give: its trace, its state if it tells one (node.Teller), and a page
// by the message that readers send.
//
// # Commands
//
// A command is a line: its name, then words and key=value pairs in any order. Some take lines of their own below it. Segments are
// called A, B, C and so on in their group, with the group's number behind the letter where there are several (A1, A2); writers
// are writer-1, writer-2 and so on in the order in which they start, readers reader-1 and so on, and the register is register.
//
//	volume [groups=1] [replicas=6] [write-quorum=4] [read-quorum=3] [page-size=N] [spares=0] [in-use=N] [group-pages=N]
//	       [tails=LETTERS] [readers=0] [bug=NAME]
//
// makes a new volume and starts its register, segments and readers. It must come first, and when it comes again, all that was
// there before is gone. The keys mean what the fields of node.Volume do: replicas counts the segments of a group with its
// spares, which are the last ones; in-use is how many groups are in use from the start; tails are the segments that
// keep no pages, and bug is the planted bug that the nodes have, in a build that has it.
//
//	start                     starts the first writer.
//	take-over                 starts the next writer beside the one before, which is not told. Clients ask the new one from then on.
//	promote READER            makes a reader the writer, and clients ask it from then on.
//
//	txn NAME [at=PROCESS]     asks what the lines below say, in the transaction of that name, which its first use begins; at a
//	                          reader, or at a writer that was replaced, if at names one. A line is one of
//	                            put KEY=VALUE …      writes rows; VALUE*N stands for N times VALUE
//	                            delete KEY
//	                            get KEY
//	                            scan FROM TO [MOST]  a dash is no bound; at most MOST rows
//	                            savepoint
//	                            rollback N           to savepoint N
//	                            commit
//	                            abort
//	read [via=PROCESS] KEY …  gets keys in a transaction of its own, called reader, and commits it.
//	fill through=N            commits transactions of no interest until the log ends at LSN N, and says nothing of them.
//
//	reach lsn=N SEGMENT …     from now on the record N arrives at these segments only, whoever sends it; "nobody" is no segment.
//	lose TYPE …               from now on messages of these types arrive nowhere; heal without a name ends it.
//	cut-off PROCESS …         nothing arrives at these processes, and nothing that they send arrives.
//	heal [PROCESS …]          connects these processes again; without a name, all, and ends what reach and lose have ruled.
//	crash PROCESS …           ends processes. What they did not sync is lost.
//	restart PROCESS …         starts processes that are down, with what their disks hold.
//	corrupt SEGMENT byte=N    flips a bit of the file that the segment's log is, at byte N, while the segment is down; a negative N
//	                          counts from the end, with -1 for the last byte.
//	hold PROCESS …            the disks of these processes do nothing from now on, and what they are asked waits; a crash loses it.
//	release PROCESS …         they do what waits, in its order, and go on.
//	tick [PROCESS …] [times=1]  fires the timers that are set, of these processes or of all, so many times.
//
//	log [from=1]              shows which segment holds which LSN: the epoch of the record, or a dot. It is what each
//	                          segment would tell if it were started again with its disk as it is.
//	status                    shows the state of every segment, reader and writer.
//	members                   shows which segments store each group, as the register has made it durable, and whom it has
//	                          told a writer that it suspects.
//	quiet                     from now on no command shows anything: what counts is that every step is one of the model.
//	pages                     demands that segments of a group that are complete up to the same LSN of the same history have equal
//	                          pages, and that there are two such segments.
//
// What a command shows is what the nodes told meanwhile: records that got an LSN, epochs, promises, the cut and what it was
// computed from, acknowledgements; then the replies that clients got.
//
// # By a command
//
// firstgap scenario FILE plays one and prints what is shown otherwise than the file says. Read and Play are the same for programs.
//
// # In a test
//
// The files are of the form that github.com/cockroachdb/datadriven reads, whose -rewrite flag records them. A test of
// somebody's segment is
//
//	of := aurora.Ours()
//	of.SegmentDisk, of.Segment = nil, newMySegment
//	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
//		e := scenario.New(of)
//		defer e.Close()
//		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
//			text, err := e.Do(d.Pos, d.FullCmd(), d.Input)
//			if err != nil {
//				t.Fatal(err)
//			}
//			return text
//		})
//		if err := e.Finish(); err != nil {
//			t.Fatal(err)
//		}
//	})
package scenario
