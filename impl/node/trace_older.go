package node

// The actions of the model of the versioned register (spec/tla/Quorum.tla), as fronts and replicas tell them.
const (
	ActRegisterBegin  Action = 128 + iota // the front begins to ask for a read, or for the version of a write
	ActRegisterTell                       // the replica answers the message Token of the front From with the Version that it holds
	ActRegisterSettle                     // the front has its answers: a write has its Version, or a read has chosen it
	ActRegisterStore                      // what came in the message Token of the front From is durable on the replica, or a newer version is
	ActRegisterEnd                        // the front answers its client; Heard acknowledged
	ActRegisterHolds                      // no step: a restarted replica says all Rows that it holds, to be compared
)

// The actions of the model of one database on a disk (spec/tla/Wal.tla), as the database of the older designs tells them.
const (
	ActWalFound   Action = 160 + iota // a start has redone what it found of the log (FoundStep); LSN is the last
	ActWalIssue                       // Record is in the log and on its page, both in memory
	ActWalDurable                     // the log is durable up to LSN
	ActWalPage                        // Page is on its way to the disk as it was at LSN
	ActWalAck                         // the client is told that Txn is committed
	ActWalOpen                        // recovery is over
)

// The actions of the model of replicated disks and of what is mirrored on two of them (spec/tla/Mirror.tla), as the disks'
// servers, their managers and the instances tell them.
const (
	ActDiskView  Action = 192 + iota // the View is durable at the manager; a manager that starts again tells it again
	ActDiskOpen                      // the View is durable on the server, and so is everything that it took before
	ActDiskHolds                     // no step: a restarted server that opens a view says all that it holds, to be compared
	ActDiskBlank                     // the server has lost what it held
	ActDiskRead                      // the instance has read the log area
	ActDiskIssue                     // the instance makes the Write
	ActDiskStore                     // the Write is durable on the server
	ActDiskAck                       // the Write is durable on every copy that the instance waits for
)

// OfDisk tells whether the action is one of replicated disks.
func (a Action) OfDisk() bool { return a >= ActDiskView && a <= ActDiskAck }

func (a Action) older() (string, bool) {
	if disk := [...]string{"DiskView", "DiskOpen", "DiskHolds", "DiskBlank", "DiskRead", "DiskIssue", "DiskStore", "DiskAck"}; a >= ActDiskView && int(a-ActDiskView) < len(disk) {
		return disk[a-ActDiskView], true
	}
	names := [...]string{"RegisterBegin", "RegisterTell", "RegisterSettle", "RegisterStore", "RegisterEnd", "RegisterHolds"}
	if wal := [...]string{"WalFound", "WalIssue", "WalDurable", "WalPage", "WalAck", "WalOpen"}; a >= ActWalFound && int(a-ActWalFound) < len(wal) {
		return wal[a-ActWalFound], true
	}
	if a < ActRegisterBegin || int(a-ActRegisterBegin) >= len(names) {
		return "", false
	}
	return names[a-ActRegisterBegin], true
}

// FoundStep is the detail of WalFound.
type FoundStep struct{ Records []*Record }

func (*FoundStep) detail()    {}
func (*RegisterStep) detail() {}
func (*DiskStep) detail()     {}

// RegisterStep is the detail of the actions of the versioned register.
type RegisterStep struct {
	Key     string
	Op      uint64 // the operation: the token of its first messages. No two of one front share it.
	Token   uint64 // of the messages that the step is about; an operation has another one when it stores
	Writes  bool   // Begin: it is a write
	Version Version
	Heard   []RegisterRow // Settle: what each replica answered that counts; End: who acknowledged
	Rows    []RegisterRow // Holds, by key
}

// RegisterRow is a version of a row: what a replica answered, or what it holds.
type RegisterRow struct {
	Replica ID     // of an answer
	Key     string // of what is held
	Version Version
}

// A WriteID names a write of a disk. No two writes of all instances share it. With no Count it is all that the instance had
// read before its first.
type WriteID struct {
	By    ID     // the instance
	Start uint32 // its incarnation
	Count uint64 // from 1 on
}

// DiskStep is the detail of the actions of replicated disks; a Blank may have none.
type DiskStep struct {
	View   View       // View, Open
	Start  uint32     // View, Read: the incarnation of the holder
	Lane   uint8      // Issue, Store, Ack
	Write  WriteID    // Issue, Store, Ack
	What   *DiskWrite // Issue
	Base   uint64     // Holds: the first position of Log
	Log    []byte     // Holds
	Blocks []Block    // Holds, by number
}
