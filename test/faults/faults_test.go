// Package faults_test breaks the network, the databases and their servers. Once the cause of a fault is gone,
// site.promise checks: after one run the mirror equals the source, the next run writes nothing, and no run is left
// running.
//
// Where each fault is tested; in this package unless another is named:
//
//	kill -9 at every failpoint              app: TestKilled, TestKilledDuringFirstLoad, TestKilledDuringAWrite, TestFollowerKilled
//	SIGTERM, Ctrl-C, a second Ctrl-C        app: TestInterrupt, TestSecondInterrupt
//	commit acknowledged to nobody           TestDatabase_CommitNotAcknowledged; services/mirror: TestRecordEnd_KeepsSuccess
//	cut, reset, refused                     TestNetwork_CutIsRetried, TestNetwork_ResetIsRetried, TestNetwork_RefusedForAWhile, TestNetwork_RefusedForTooLong, TestNetwork_RefusedAtStart,
//	                                        TestNetwork_WrongURLIsNotRetried, TestDatabase_RetryYieldsToNewerRun, TestServer_RunIsRefusedWhileMirrorIsUnreachable, TestServer_SourceUnreachable;
//	                                        test/api: TestLifecycleAway, TestMirrorAway; services/mirror: TestRetry…
//	half-open connection, black hole        TestNetwork_BlackHole, TestNetwork_BlackHoleForAWhile; services: TestHalfOpenListener;
//	                                        repositories/database: TestSilence, TestNoSilence, TestDialer, TestServerNoticesVanishedClients
//	slow link                               TestNetwork_SlowLink
//	either database restarted               TestServer_DatabaseRestartDuringRun, TestServer_DatabaseRestartDuringReads; app: TestFollowerOutlivesRestarts;
//	                                        repositories/database: TestDeadConnectionsOfThePool
//	disk full                               TestDatabase_DiskFull; test/api: TestNoRoomForFiles; repositories/files: TestFullDisk;
//	                                        services/attachments: TestFullDiskLeavesNothing
//	deadlock, serialization failure         TestDatabase_Deadlock, TestDatabase_SerializationFailure; services/mirror: TestRetry_GivesUp
//	lock or statement timeout               TestDatabase_LockedTable, TestDatabase_StatementTimeout; services/mirror: TestLock_TimesOutOnLockedTable
//	pool exhausted                          TestServer_PoolExhausted
//	clock an hour off, DST                  services/mirror: TestSync_IgnoresWrongClocks, TestSync_MeasuresDurationWhenClockIsSetBack; services/schedule: TestCron_DaylightSavingTime,
//	                                        TestSchedule_ClockIsSet, TestSchedule_IgnoresRunsFromTheFuture
//	two processes, two triggers at once     app: TestTwoProcesses, TestBusy, TestTwoServers, TestTwoServersFollow;
//	                                        services/syncing: TestOneRunOfManyTriggers; test/api: TestSyncTwoTriggers; services/schedule: TestSchedule_TwoProcessesMakeOneRun
//	lock's connection lost mid-run          TestDatabase_LockConnectionTerminated; services/mirror: TestSync_RollsBackWhenMirrorConnectionIsLost
//	writes during a run                     services/mirror: TestSync_ReadsOneSnapshot
//	a late commit with an older updated_at  services/mirror: TestIncremental_FindsWhatUpdatedAtMisses; services/realtime: TestFollow_NoInterleavingLosesAChange
//	source emptied or truncated             services/mirror: TestGuard_StopsEmptyingATable, TestGuard_StopsMassDelete; services/realtime: TestGuard_StopsRealTime
//	source restored, another cluster        services/mirror: TestIncremental_FallsBackToFullRun
//	source failed over                      TestFollow_Failover
//	pmo_db restored or cloned               services/realtime: TestFollow_ComparesEveryRowAfterRestore, TestFollow_OriginalAndCopy; services: TestRestoredDatabase
//	source is a standby                     TestDatabase_StandbyConflict
//	table dropped, revoked, swapped         services/mirror: TestPreflight_RefusesUnsuitableSchemas, TestPermissions_SourceNeedsOnlySelect, TestIncremental_FallsBackToFullRun
//	column missing, of another type, extra  services/mirror: TestPreflight_RefusesUnsuitableSchemas, TestPreflight_AllowsExtraColumns
//	slot lost, wal_level                    TestFollow_SlotInvalidated, TestFollow_WALLevel; services/realtime: TestFollow_ComparesEveryRowAfterSlotLoss, TestFollow_ReportsObstacles
//	unchanged TOAST, TRUNCATE, new keys     services/realtime: TestFollow_AppliesEveryKindOfChange, TestFollow_SchemaChanges
//	client retries a POST                   app: TestKilledWithFiles; test/api: TestIdempotencyKey, TestOneProductWithFiles
//	slow or gone reader of events           test/api: TestGoneAndSlowReaders; services/syncing: TestSlowReaderIsLeftBehind
package faults_test
