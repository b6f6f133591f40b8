package softsoc

import scala.collection.mutable.ArrayBuffer
import spinal.core._
import spinal.lib._
import vexriscv._
import vexriscv.ip.{DataCacheConfig, InstructionCacheConfig}
import vexriscv.plugin._

/** Assembles a five-stage VexRiscv from options, with the ports that LiteX's wrapper connects. */
object Core {

  def apply(options: Options): VexRiscv = {
    val config = VexRiscvConfig(plugins(options))
    val core = new VexRiscv(config)
    core.rework {
      val dataBus = config.plugins.collectFirst {
        case data: DBusSimplePlugin => DataBridge(data.dBus.setAsDirectionLess())
        case data: DBusCachedPlugin => data.dBus.setAsDirectionLess().toWishbone()
      }.get
      val fetchBus = config.plugins.collectFirst {
        case fetch: IBusSimplePlugin => FetchBridge(fetch.iBus.setAsDirectionLess())
        case fetch: IBusCachedPlugin => fetch.iBus.setAsDirectionLess().toWishbone()
      }.get
      master(fetchBus).setName("iBusWishbone")
      master(dataBus).setName("dBusWishbone")
    }
    core
  }

  private def plugins(options: Options): Seq[Plugin[VexRiscv]] = {
    val plugins = ArrayBuffer[Plugin[VexRiscv]](
      fetch(options),
      new StaticMemoryTranslatorPlugin(ioRange = _.msb), // LiteX's input and output is the upper half
      new DecoderSimplePlugin(catchIllegalInstruction = true),
      new RegFilePlugin(regFileReadyKind = plugin.SYNC, zeroBoot = false),
      new IntAluPlugin,
      new SrcPlugin(separatedAddSub = false, executeInsertion = true),
      new HazardSimplePlugin(
        bypassExecute = options.bypass,
        bypassMemory = options.bypass,
        bypassWriteBack = options.bypass,
        bypassWriteBackBuffer = options.bypass
      ),
      new BranchPlugin(earlyBranch = options.branchStage == "execute", catchAddressMisaligned = true),
      new CsrPlugin(csr),
      new ExternalInterruptArrayPlugin(machineMaskCsrId = 0xbc0, machinePendingsCsrId = 0xfc0)
    )
    plugins ++= data(options)
    plugins += (options.shifter match {
      case "full"      => new FullBarrelShifterPlugin
      case "iterative" => new LightShifterPlugin
    })
    plugins ++= arithmetic(options)
    if (options.cfu) plugins += new CfuPlugin(withDataCache = options.dcache.isDefined)
    plugins
  }

  private def fetch(options: Options): Plugin[VexRiscv] = {
    val prediction = options.branchPrediction match {
      case "none"           => NONE
      case "static"         => STATIC
      case "dynamic"        => DYNAMIC
      case "dynamic-target" => DYNAMIC_TARGET
    }
    options.icache match {
      case None =>
        new IBusSimplePlugin(
          resetVector = null, // a port
          cmdForkOnSecondStage = false,
          cmdForkPersistence = false, // the bridge holds a command until it is acknowledged
          busLatencyMin = 4,
          prediction = prediction
        ) {
          // A stage that waits does not reach the fetch unit in the same cycle. What was predicted of an instruction
          // by its address would lose it.
          override val injectorReadyCutGen = prediction == NONE || prediction == STATIC
        }
      case Some(cache) =>
        new IBusCachedPlugin(
          resetVector = null,
          relaxedPcCalculation = options.relaxedFetch,
          prediction = prediction,
          config = InstructionCacheConfig(
            cacheSize = cache.bytes,
            bytePerLine = cache.lineBytes,
            wayCount = cache.ways,
            addressWidth = 32,
            cpuDataWidth = 32,
            memDataWidth = 32,
            catchIllegalAccess = false, // neither comes: there is no MMU, and the bus has no errors
            catchAccessFault = false,
            asyncTagMemory = false,
            twoCycleRam = false,
            twoCycleCache = true
          )
        )
    }
  }

  private def data(options: Options): Seq[Plugin[VexRiscv]] = options.dcache match {
    case None =>
      Seq(new DBusSimplePlugin(catchAddressMisaligned = true, catchAccessFault = false), new FlushAsNopPlugin)
    case Some(cache) =>
      Seq(
        new DBusCachedPlugin(
          dBusCmdMasterPipe = true,
          dBusCmdSlavePipe = true,
          config = new DataCacheConfig(
            cacheSize = cache.bytes,
            bytePerLine = cache.lineBytes,
            wayCount = cache.ways,
            addressWidth = 32,
            cpuDataWidth = 32,
            memDataWidth = 32,
            catchAccessError = false, // as above
            catchIllegal = false,
            catchUnaligned = true
          )
        )
      )
  }

  private def arithmetic(options: Options): Seq[Plugin[VexRiscv]] = {
    val multiplies = options.multiplier == "iterative"
    val divides = options.divider == "iterative"
    val iterative =
      if (multiplies || divides) Seq(new MulDivIterativePlugin(genMul = multiplies, genDiv = divides)) else Nil
    if (options.multiplier == "pipelined") new MulPlugin +: iterative else iterative
  }

  /** As little as the firmware needs: traps with a handler, a scratch register and a 64-bit cycle counter. */
  private def csr = CsrPluginConfig
    .small(mtvecInit = null)
    .copy(
      catchIllegalAccess = true,
      mtvecAccess = CsrAccess.READ_WRITE,
      mscratchGen = true,
      mcycleAccess = CsrAccess.READ_WRITE,
      ecallGen = true,
      wfiGenAsNop = true
    )
}
