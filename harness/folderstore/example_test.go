package folderstore_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/firstgap/firstgap/harness"
	"github.com/firstgap/firstgap/harness/aurora"
	"github.com/firstgap/firstgap/harness/folderstore"
	"github.com/firstgap/firstgap/impl/backup"
)

// A run backs its volume up, the backup is copied to a folder, and the volume is restored as it was at LSN 40.
func Example() {
	folder, err := os.MkdirTemp("", "backup")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	configuration, err := aurora.Generate(1, harness.Generation{})
	if err != nil {
		log.Fatal(err)
	}
	configuration.Volume.BackupWindow = 16 // LSNs of one object
	if err := copyTo(folder, harness.Run(aurora.System(), configuration.Whole()).Backup); err != nil {
		log.Fatal(err)
	}

	store, err := folderstore.Open(folder)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	volume, err := backup.Restore(store, 40)
	if err != nil {
		log.Fatal(err)
	}
	// The newest consistency point up to LSN 40: a mini-transaction may go on behind it.
	fmt.Printf("VDL up to 40: %t, whole: %t", volume.VDL > 0 && volume.VDL <= 40, volume.Check() == nil && len(volume.Lost) == 0)
	// Output: VDL up to 40: true, whole: true
}

func copyTo(folder string, from backup.Source) error {
	c, err := folderstore.NewCopy(folder)
	if err != nil {
		return err
	}
	_, err = c.From(context.Background(), from)
	return errors.Join(err, c.Close())
}
