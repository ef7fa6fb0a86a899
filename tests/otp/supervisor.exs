# What Elixir's Supervisor does, a line for each scenario; test_supervisor.py compares ours with it.
# elixir supervisor.exs

defmodule Worker do
  use GenServer

  def start_link({log, name, fails}), do: GenServer.start_link(__MODULE__, {log, name, fails}, name: name)

  def init({log, name, fails}) do
    Process.flag(:trap_exit, true)
    number = Agent.get_and_update(log, fn {lines, counts} ->
      number = Map.get(counts, name, 0) + 1
      {number, {lines, Map.put(counts, name, number)}}
    end)
    cond do
      fails == :ignore -> :ignore
      number in fails -> Run.note(log, "fail #{name}"); {:stop, :boom}
      true -> Run.note(log, "start #{name}"); {:ok, {log, name}}
    end
  end

  def handle_call({:stop, reason}, _from, state), do: {:stop, reason, :ok, state}
  def handle_info({:EXIT, _pid, reason}, state), do: {:stop, reason, state}
  def terminate(_reason, {log, name}), do: Run.note(log, "stop #{name}")
end

defmodule Run do
  def note(log, line), do: Agent.update(log, fn {lines, counts} -> {[line | lines], counts} end)
  def new(), do: Agent.start_link(fn -> {[], %{}} end) |> elem(1)
  def lines(log), do: Agent.get(log, fn {lines, _} -> lines |> Enum.reverse() |> Enum.join(", ") end)

  def child(log, name, options \\ []) do
    {fails, options} = Keyword.pop(options, :fails, [])
    Map.merge(%{id: name, start: {Worker, :start_link, [{log, name, fails}]}}, Map.new(options))
  end

  def stop(name, reason) do
    monitor = Process.monitor(Process.whereis(name))
    GenServer.call(name, {:stop, reason})
    receive do: ({:DOWN, ^monitor, _, _, _} -> :ok)
    Process.sleep(100)  # until the supervisor has done all that follows
  end

  def which(sup) do
    sup |> Supervisor.which_children() |> Enum.reverse()
    |> Enum.map(fn {id, pid, _, _} -> "#{id} #{if is_pid(pid), do: "running", else: pid}" end)
    |> Enum.join(", ")
  end

  def count(sup) do
    counts = Supervisor.count_children(sup)
    "specs #{counts.specs}, active #{counts.active}, supervisors #{counts.supervisors}, workers #{counts.workers}"
  end

  def ended(sup) do
    receive do
      {:EXIT, ^sup, reason} -> "ended #{inspect(reason)}"
    after 0 -> "runs" end
  end

  def show({:error, {:already_started, _}}), do: "already_started"
  def show({:error, {reason, child}}) when elem(child, 0) == :child, do: "failed with #{inspect(reason)}"
  def show({:error, reason}), do: inspect(reason) |> String.trim_leading(":")
  def show({:ok, pid}) when is_pid(pid), do: "running"
  def show({:ok, other}), do: "#{other}"
  def show(other), do: "#{other}"
  def say(title, parts), do: IO.puts("#{title}: #{parts |> List.wrap() |> Enum.join("; ")}")
end

defmodule Main do
  import Run

  def run() do
    Logger.configure(level: :none)
    Process.flag(:trap_exit, true)

    for strategy <- [:one_for_one, :rest_for_one, :one_for_all], which <- [:a, :b, :c] do
      log = new()
      children = [child(log, :a), child(log, :b), child(log, :c)]
      {:ok, sup} = Supervisor.start_link(children, strategy: strategy)
      stop(which, :boom)
      parts = [lines(log), which(sup), count(sup)]
      Supervisor.stop(sup, :shutdown)
      say("#{strategy}, #{which} crashes", parts ++ [lines(log)])
    end

    for restart <- [:permanent, :transient, :temporary], reason <- [:normal, :shutdown, {:shutdown, :x}, :boom] do
      log = new()
      {:ok, sup} = Supervisor.start_link([child(log, :a, restart: restart)], strategy: :one_for_one)
      stop(:a, reason)
      say("#{restart}, #{inspect(reason)}", [which(sup), count(sup)])
      Supervisor.stop(sup, :shutdown)
    end

    for most <- [0, 1, 3] do
      log = new()
      {:ok, sup} = Supervisor.start_link([child(log, :a), child(log, :b)], strategy: :one_for_one, max_restarts: most)
      for _ <- 1..most//1, do: stop(:a, :boom)
      before = ended(sup)
      stop(:a, :boom)
      say("max_restarts #{most}", [before, ended(sup), lines(log)])
    end

    for failing <- [[2], [2, 3], [2, 3, 4], [2, 3, 4, 5]], strategy <- [:one_for_one, :rest_for_one, :one_for_all] do
      log = new()
      children = [child(log, :a), child(log, :b, fails: failing), child(log, :c)]
      {:ok, sup} = Supervisor.start_link(children, strategy: strategy)
      stop(:b, :boom)
      say("#{strategy}, restart fails #{length(failing)} times", [lines(log), ended(sup)])
      if Process.alive?(sup), do: Supervisor.stop(sup, :shutdown)
    end

    for strategy <- [:rest_for_one, :one_for_all] do
      log = new()
      children = [child(log, :a), child(log, :b, restart: :temporary), child(log, :c)]
      {:ok, sup} = Supervisor.start_link(children, strategy: strategy)
      stop(:a, :boom)
      parts = [lines(log), which(sup), count(sup)]
      Supervisor.stop(sup, :shutdown)
      say("#{strategy} with a temporary child", parts)
    end

    (fn ->
      log = new()
      result = Supervisor.start_link([child(log, :a), child(log, :b), child(log, :c, fails: [1])], strategy: :one_for_one)
      say("a child fails at the start", [show(result), lines(log)])
    end).()

    (fn ->
      log = new()
      children = [child(log, :a, fails: :ignore), child(log, :b, fails: :ignore, restart: :temporary), child(log, :c)]
      {:ok, sup} = Supervisor.start_link(children, strategy: :one_for_one)
      say("children that ignore", [which(sup), count(sup)])
      say("start_child that ignores", [show(Supervisor.start_child(sup, child(log, :d, fails: :ignore))), which(sup)])
      Supervisor.stop(sup, :shutdown)
    end).()

    (fn ->
      log = new()
      {:ok, sup} = Supervisor.start_link([child(log, :a)], strategy: :one_for_one)
      steps = [
        start: child(log, :a), start: child(log, :b), restart: :a, delete: :a, terminate: :a, start: child(log, :a),
        terminate: :a, restart: :a, terminate: :a, delete: :a, delete: :a, restart: :a, terminate: :a,
        start: child(log, :c, fails: [1, 2]), start: child(log, :c, fails: [1, 2]),
        start: child(log, :d, restart: :temporary), terminate: :d, delete: :d
      ]
      for {step, given} <- steps do
        result = case step do
          :start -> Supervisor.start_child(sup, given)
          :restart -> Supervisor.restart_child(sup, given)
          :delete -> Supervisor.delete_child(sup, given)
          :terminate -> Supervisor.terminate_child(sup, given)
        end
        say("#{step} #{if is_map(given), do: given.id, else: given}", [show(result), which(sup)])
      end
      Supervisor.stop(sup, :shutdown)
    end).()

    (fn ->
      log = new()
      {:ok, sup} = Supervisor.start_link([child(log, :a), child(log, :b, shutdown: :brutal_kill), child(log, :c)], strategy: :one_for_one)
      Supervisor.stop(sup, :shutdown)
      say("a supervisor stops", lines(log))
    end).()

    (fn ->
      log = new()
      inner = %{id: :inner, type: :supervisor, start: {Supervisor, :start_link, [[child(log, :b)], [strategy: :one_for_one, max_restarts: 1]]}}
      {:ok, sup} = Supervisor.start_link([child(log, :a), inner, child(log, :c)], strategy: :rest_for_one)
      for _ <- 1..2, do: stop(:b, :boom)
      parts = [lines(log), which(sup), count(sup)]
      Supervisor.stop(sup, :shutdown)
      say("a nested supervisor gives up", parts)
    end).()
  end
end

Main.run()
